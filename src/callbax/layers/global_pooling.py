"""Pooling over the whole of sequences and images."""

from typing import Any

import jax.numpy as jnp

from callbax._core._types import Array
from callbax.layers._layer import Layer, layers
from callbax.layers._windows import (
    at_least_float32,
    check_inputs,
    format_of,
)


class _GlobalPooling(Layer):
    """Takes one number from all that is between samples and channels.

    Args:
        data_format: Where channels are.
        keepdims: Whether the dimensions stay, with length 1.
        **kwargs: Arguments of all layers.
    """

    rank: int

    def __init__(self, data_format: str | None, keepdims: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format: str = format_of(type(self).__name__, data_format)
        self.keepdims: bool = keepdims

    def call(self, inputs: Array) -> Any:
        """Returns one number for each sample and channel."""
        check_inputs(self, inputs, self.rank, self.data_format)
        first = 1 if self.data_format == "channels_last" else 2
        return self._pooled(jnp.asarray(inputs), tuple(range(first, first + self.rank)))

    def _pooled(self, inputs: Array, axes: tuple[int, ...]) -> Array:
        raise NotImplementedError


class _GlobalMaxPooling(_GlobalPooling):
    def _pooled(self, inputs: Array, axes: tuple[int, ...]) -> Array:
        # Layers before it may leave nothing of the shortest sequence, for which a model is made.
        least = -jnp.inf if jnp.issubdtype(inputs.dtype, jnp.inexact) else None
        return jnp.max(inputs, axes, keepdims=self.keepdims, initial=least)


class _GlobalAveragePooling(_GlobalPooling):
    def _pooled(self, inputs: Array, axes: tuple[int, ...]) -> Array:
        return jnp.mean(at_least_float32(inputs), axes, keepdims=self.keepdims)


@layers.register("GlobalMaxPool1D")
class GlobalMaxPooling1D(_GlobalMaxPooling):
    """Takes the largest number of each sequence, shape (samples, steps, channels).

    Use it before the last layers, to ask whether something is anywhere in a sample.

    Args:
        data_format: "channels_last" (the default), or "channels_first": (samples, channels,
            steps).
        keepdims: Whether these dimensions stay, with length 1.
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: At the call: the inputs have another rank.

    Example:
        >>> GlobalMaxPooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/pooling_layers/global_max_pooling1d/
    """

    rank = 1

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)


@layers.register("GlobalAvgPool1D")
class GlobalAveragePooling1D(_GlobalAveragePooling):
    """Takes the mean of each sequence, shape (samples, steps, channels).

    Use it before the last layers in place of `Flatten`: it needs far fewer weights after it.

    Args:
        data_format: "channels_last" (the default), or "channels_first": (samples, channels,
            steps).
        keepdims: Whether these dimensions stay, with length 1.
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: At the call: the inputs have another rank.

    Example:
        >>> GlobalAveragePooling1D()(jnp.ones((2, 8, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/pooling_layers/global_average_pooling1d/
    """

    rank = 1

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)


@layers.register("GlobalMaxPool2D")
class GlobalMaxPooling2D(_GlobalMaxPooling):
    """Takes the largest number of each image, shape (samples, rows, columns, channels).

    Use it before the last layers, to ask whether something is anywhere in a sample.

    Args:
        data_format: "channels_last" (the default), or "channels_first": (samples, channels,
            rows, columns).
        keepdims: Whether these dimensions stay, with length 1.
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: At the call: the inputs have another rank.

    Example:
        >>> GlobalMaxPooling2D()(jnp.ones((2, 8, 8, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/pooling_layers/global_max_pooling2d/
    """

    rank = 2

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)


@layers.register("GlobalAvgPool2D")
class GlobalAveragePooling2D(_GlobalAveragePooling):
    """Takes the mean of each image, shape (samples, rows, columns, channels).

    Use it before the last layers in place of `Flatten`: it needs far fewer weights after it.

    Args:
        data_format: "channels_last" (the default), or "channels_first": (samples, channels,
            rows, columns).
        keepdims: Whether these dimensions stay, with length 1.
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: At the call: the inputs have another rank.

    Example:
        >>> GlobalAveragePooling2D()(jnp.ones((2, 8, 8, 3))).shape
        (2, 3)

    Source: https://keras.io/api/layers/pooling_layers/global_average_pooling2d/
    """

    rank = 2

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, keepdims, **kwargs)


GlobalMaxPool1D = GlobalMaxPooling1D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
