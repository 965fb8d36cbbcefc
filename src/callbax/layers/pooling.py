"""Pooling over sequences and images, channels last."""

from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._arguments import one_of
from callbax._core._types import Array
from callbax.layers._layer import Layer, layers
from callbax.layers._windows import lengths, need_rank


class _Pooling(Layer):
    """Takes one number from each window.

    Args:
        pool_size: Its lengths.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid" or "same".
        **common: Arguments of all layers.
    """

    rank: int

    def __init__(
        self,
        pool_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] | None,
        padding: str,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        where, rank = type(self).__name__, self.rank
        self.pool_size: tuple[int, ...] = lengths(where, "pool_size", pool_size, rank)
        self.strides = (
            self.pool_size if strides is None else lengths(where, "strides", strides, rank)
        )
        self.padding: str = one_of(where, "padding", str(padding).lower(), ("valid", "same"))

    def _reduce(self, inputs: Array, first: Any, combine: Any) -> Any:
        need_rank(self.name, inputs, self.rank)
        window, steps = (1, *self.pool_size, 1), (1, *self.strides, 1)
        return jax.lax.reduce_window(inputs, first, combine, window, steps, self.padding.upper())

    def _largest(self, inputs: Array) -> Any:
        return self._reduce(inputs, -jnp.inf, jax.lax.max)

    def _mean(self, inputs: Array) -> Any:
        sums = self._reduce(inputs, 0.0, jax.lax.add)
        return sums / self._reduce(jnp.ones_like(inputs), 0.0, jax.lax.add)


@layers.register("max_pool1d", "MaxPool1D")
class MaxPooling1D(_Pooling):
    """Takes the largest number of each window of sequences: inputs (samples, steps, channels).

    Args:
        pool_size: Lengths of a window.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid" or "same".
        **common: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: A length is not positive.

    Example:
        >>> MaxPooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 4, 3)

    Source: https://keras.io/api/layers/pooling_layers/max_pooling1d/
    """

    rank = 1

    def __init__(
        self,
        pool_size: int | tuple[int, ...] = 2,
        strides: int | tuple[int, ...] | None = None,
        padding: str = "valid",
        **common: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, **common)

    def call(self, inputs: Array) -> Any:
        """Returns the largest number of each window and channel."""
        return self._largest(inputs)


@layers.register("average_pool1d", "AvgPool1D")
class AveragePooling1D(_Pooling):
    """Takes the mean number of each window of sequences: inputs (samples, steps, channels).

    Args:
        pool_size: Lengths of a window.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid" or "same".
        **common: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: A length is not positive.

    Example:
        >>> AveragePooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 4, 3)

    Source: https://keras.io/api/layers/pooling_layers/average_pooling1d/
    """

    rank = 1

    def __init__(
        self,
        pool_size: int | tuple[int, ...] = 2,
        strides: int | tuple[int, ...] | None = None,
        padding: str = "valid",
        **common: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, **common)

    def call(self, inputs: Array) -> Any:
        """Returns the mean number of each window and channel."""
        return self._mean(inputs)


@layers.register("max_pool2d", "MaxPool2D")
class MaxPooling2D(_Pooling):
    """Takes the largest number of each window of images: inputs (samples, rows, columns, channels).

    Args:
        pool_size: Lengths of a window.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid" or "same".
        **common: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: A length is not positive.

    Example:
        >>> MaxPooling2D()(jnp.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)

    Source: https://keras.io/api/layers/pooling_layers/max_pooling2d/
    """

    rank = 2

    def __init__(
        self,
        pool_size: int | tuple[int, ...] = (2, 2),
        strides: int | tuple[int, ...] | None = None,
        padding: str = "valid",
        **common: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, **common)

    def call(self, inputs: Array) -> Any:
        """Returns the largest number of each window and channel."""
        return self._largest(inputs)


@layers.register("average_pool2d", "AvgPool2D")
class AveragePooling2D(_Pooling):
    """Takes the mean number of each window of images: inputs (samples, rows, columns, channels).

    Args:
        pool_size: Lengths of a window.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid" or "same".
        **common: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: A length is not positive.

    Example:
        >>> AveragePooling2D()(jnp.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)

    Source: https://keras.io/api/layers/pooling_layers/average_pooling2d/
    """

    rank = 2

    def __init__(
        self,
        pool_size: int | tuple[int, ...] = (2, 2),
        strides: int | tuple[int, ...] | None = None,
        padding: str = "valid",
        **common: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, **common)

    def call(self, inputs: Array) -> Any:
        """Returns the mean number of each window and channel."""
        return self._mean(inputs)


@layers.register("global_max_pool1d", "GlobalMaxPool1D")
class GlobalMaxPooling1D(Layer):
    """Takes the largest number over all steps: inputs (samples, steps, channels).

    Args:
        keepdims: Whether these dimensions stay, with length 1.
        **common: Arguments of all layers: name, input_shape.

    Example:
        >>> GlobalMaxPooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/pooling_layers/global_max_pooling1d/
    """

    def __init__(self, keepdims: bool = False, **common: Any) -> None:
        super().__init__(**common)
        self.keepdims = keepdims

    def call(self, inputs: Array) -> Any:
        """Returns one number for each sample and channel."""
        need_rank(self.name, inputs, 1)
        return jnp.max(inputs, axis=1, keepdims=self.keepdims)


@layers.register("global_average_pool1d", "GlobalAvgPool1D")
class GlobalAveragePooling1D(Layer):
    """Takes the mean over all steps: inputs (samples, steps, channels).

    Args:
        keepdims: Whether these dimensions stay, with length 1.
        **common: Arguments of all layers: name, input_shape.

    Example:
        >>> GlobalAveragePooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/pooling_layers/global_average_pooling1d/
    """

    def __init__(self, keepdims: bool = False, **common: Any) -> None:
        super().__init__(**common)
        self.keepdims = keepdims

    def call(self, inputs: Array) -> Any:
        """Returns one number for each sample and channel."""
        need_rank(self.name, inputs, 1)
        return jnp.mean(inputs, axis=1, keepdims=self.keepdims)


@layers.register("global_max_pool2d", "GlobalMaxPool2D")
class GlobalMaxPooling2D(Layer):
    """Takes the largest number over rows and columns: inputs (samples, rows, columns, channels).

    Args:
        keepdims: Whether these dimensions stay, with length 1.
        **common: Arguments of all layers: name, input_shape.

    Example:
        >>> GlobalMaxPooling2D()(jnp.ones((2, 8, 8, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/pooling_layers/global_max_pooling2d/
    """

    def __init__(self, keepdims: bool = False, **common: Any) -> None:
        super().__init__(**common)
        self.keepdims = keepdims

    def call(self, inputs: Array) -> Any:
        """Returns one number for each sample and channel."""
        need_rank(self.name, inputs, 2)
        return jnp.max(inputs, axis=(1, 2), keepdims=self.keepdims)


@layers.register("global_average_pool2d", "GlobalAvgPool2D")
class GlobalAveragePooling2D(Layer):
    """Takes the mean over rows and columns: inputs (samples, rows, columns, channels).

    Args:
        keepdims: Whether these dimensions stay, with length 1.
        **common: Arguments of all layers: name, input_shape.

    Example:
        >>> GlobalAveragePooling2D()(jnp.ones((2, 8, 8, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/pooling_layers/global_average_pooling2d/
    """

    def __init__(self, keepdims: bool = False, **common: Any) -> None:
        super().__init__(**common)
        self.keepdims = keepdims

    def call(self, inputs: Array) -> Any:
        """Returns one number for each sample and channel."""
        need_rank(self.name, inputs, 2)
        return jnp.mean(inputs, axis=(1, 2), keepdims=self.keepdims)
