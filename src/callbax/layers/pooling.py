"""Pooling over windows of sequences and images."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._arguments import one_of
from callbax._core._types import Array
from callbax.layers._layer import Layer, layers
from callbax.layers._windows import (
    at_least_float32,
    channels_back,
    channels_last,
    check_fit,
    check_inputs,
    format_of,
    lengths,
)


class _Pooling(Layer):
    """Takes one number from each window.

    Args:
        pool_size: Its lengths.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid" or "same".
        data_format: Where channels are.
        **kwargs: Arguments of all layers.
    """

    rank: int

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None,
        padding: str,
        data_format: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where, rank = type(self).__name__, self.rank
        self.pool_size: tuple[int, ...] = lengths(where, "pool_size", pool_size, rank)
        self.strides: tuple[int, ...] = (
            self.pool_size if strides is None else lengths(where, "strides", strides, rank)
        )
        lower = padding.lower() if isinstance(padding, str) else padding
        self.padding: str = one_of(where, "padding", lower, ("valid", "same"))
        self.data_format: str = format_of(where, data_format)

    def call(self, inputs: Array) -> Any:
        """Returns one number for each window and channel."""
        check_inputs(self, inputs, self.rank, self.data_format)
        inputs = channels_last(jnp.asarray(inputs), self.data_format)
        if self.padding == "valid":
            check_fit(self, inputs.shape[1:-1], self.pool_size)
        return channels_back(self._pooled(inputs), self.data_format)

    def _pooled(self, inputs: Array) -> Array:
        raise NotImplementedError

    def _reduce(self, inputs: Array, first: float, combine: Any) -> Any:
        window, steps = (1, *self.pool_size, 1), (1, *self.strides, 1)
        return jax.lax.reduce_window(inputs, first, combine, window, steps, self.padding.upper())


class _MaxPooling(_Pooling):
    def _pooled(self, inputs: Array) -> Array:
        largest: Array = self._reduce(inputs, -jnp.inf, jax.lax.max)
        return largest


class _AveragePooling(_Pooling):
    def _pooled(self, inputs: Array) -> Array:
        inputs = at_least_float32(inputs)
        # What was padded does not count.
        counts = self._reduce(jnp.ones_like(inputs[:1, ..., :1]), 0.0, jax.lax.add)
        mean: Array = self._reduce(inputs, 0.0, jax.lax.add) / counts
        return mean


@layers.register("MaxPool1D")
class MaxPooling1D(_MaxPooling):
    """Takes the largest number of each window of sequences, shape (samples, steps, channels).

    Use it after a convolution, to keep what was found and not exactly where.

    Args:
        pool_size: Lengths of a window.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid", or "same"; what is padded does not count.
        data_format: "channels_last" (the default), or "channels_first": (samples, channels,
            steps).
        name: Its name.
        **kwargs: Arguments of all layers: input_shape.

    Raises:
        ValueError: A length is not positive; at the call, the inputs have another rank or are
            smaller than a window.

    Example:
        >>> MaxPooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 4, 3)

    Differs from Keras: inputs that are smaller than a window are an error, not empty outputs.

    Source: https://keras.io/api/layers/pooling_layers/max_pooling1d/
    """

    rank = 1

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


@layers.register("AvgPool1D")
class AveragePooling1D(_AveragePooling):
    """Takes the mean of each window of sequences, shape (samples, steps, channels).

    Use it to make data smaller and keep their level.

    Args:
        pool_size: Lengths of a window.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid", or "same"; what is padded does not count.
        data_format: "channels_last" (the default), or "channels_first": (samples, channels,
            steps).
        name: Its name.
        **kwargs: Arguments of all layers: input_shape.

    Raises:
        ValueError: A length is not positive; at the call, the inputs have another rank or are
            smaller than a window.

    Example:
        >>> AveragePooling1D(2)(jnp.ones((2, 8, 3))).shape
        (2, 4, 3)

    Differs from Keras: inputs that are smaller than a window are an error, not empty outputs.

    Source: https://keras.io/api/layers/pooling_layers/average_pooling1d/
    """

    rank = 1

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


@layers.register("MaxPool2D")
class MaxPooling2D(_MaxPooling):
    """Takes the largest number of each window of images, shape (samples, rows, columns, channels).

    Use it after a convolution, to keep what was found and not exactly where.

    Args:
        pool_size: Lengths of a window.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid", or "same"; what is padded does not count.
        data_format: "channels_last" (the default), or "channels_first": (samples, channels,
            rows, columns).
        name: Its name.
        **kwargs: Arguments of all layers: input_shape.

    Raises:
        ValueError: A length is not positive; at the call, the inputs have another rank or are
            smaller than a window.

    Example:
        >>> MaxPooling2D()(jnp.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)

    Differs from Keras: inputs that are smaller than a window are an error, not empty outputs.

    Source: https://keras.io/api/layers/pooling_layers/max_pooling2d/
    """

    rank = 2

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


@layers.register("AvgPool2D")
class AveragePooling2D(_AveragePooling):
    """Takes the mean of each window of images, shape (samples, rows, columns, channels).

    Use it to make data smaller and keep their level.

    Args:
        pool_size: Lengths of a window.
        strides: Steps by which it is moved; None is its own size.
        padding: "valid", or "same"; what is padded does not count.
        data_format: "channels_last" (the default), or "channels_first": (samples, channels,
            rows, columns).
        name: Its name.
        **kwargs: Arguments of all layers: input_shape.

    Raises:
        ValueError: A length is not positive; at the call, the inputs have another rank or are
            smaller than a window.

    Example:
        >>> AveragePooling2D(2)(jnp.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)

    Differs from Keras: inputs that are smaller than a window are an error, not empty outputs.

    Source: https://keras.io/api/layers/pooling_layers/average_pooling2d/
    """

    rank = 2

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


MaxPool1D = MaxPooling1D
AvgPool1D = AveragePooling1D
MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
