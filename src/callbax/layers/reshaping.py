"""Layers that give their inputs another shape."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from callbax._core._arguments import count, is_whole
from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax.layers._layer import Layer, layers
from callbax.layers._windows import check_inputs, format_of, lengths


@layers.register()
class Reshape(Layer):
    """Gives each sample another shape.

    Args:
        target_shape: Shape of one sample; -1 for one length that follows from the others.
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: It is not a shape; at the call, the numbers of a sample do not fill it.

    Example:
        >>> Reshape((2, -1))(jnp.ones((5, 6))).shape
        (5, 2, 3)

    Source: https://keras.io/api/layers/reshaping_layers/reshape/
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        each = target_shape if isinstance(target_shape, tuple | list) else [None]
        if any(not is_whole(n) or n < -1 for n in each) or list(each).count(-1) > 1:
            raise ValueError(
                explain(
                    f"Reshape(target_shape={target_shape!r})",
                    expected="the shape of one sample, a tuple of lengths, at most one of them -1",
                    received=describe(target_shape),
                    action="Pass for example (28, 28, 1); samples are not counted.",
                )
            )
        self.target_shape: tuple[int, ...] = tuple(map(int, each))

    def call(self, inputs: Array) -> Any:
        """Returns the inputs, shape (samples, *target_shape)."""
        known = math.prod(length for length in self.target_shape if length != -1)
        size = math.prod(inputs.shape[1:])
        fits = known and size % known == 0 if -1 in self.target_shape else size == known
        if not fits:
            raise ValueError(
                explain(
                    f"{self.name}(inputs)",
                    expected=f"samples that fill the shape {self.target_shape}",
                    received=f"{describe(inputs)}, {size} numbers in each sample",
                    action="Let the lengths multiply to that, or leave one open as -1.",
                )
            )
        shape = [size // known if length == -1 else length for length in self.target_shape]
        return inputs.reshape(inputs.shape[0], *shape)


@layers.register()
class Permute(Layer):
    """Puts the dimensions of each sample into another order.

    Args:
        dims: The old places in their new order; 1 is the first dimension after the samples.
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: A place is missing or there twice; at the call, samples have other dimensions.

    Example:
        >>> Permute((2, 1))(jnp.ones((5, 2, 3))).shape
        (5, 3, 2)

    Source: https://keras.io/api/layers/reshaping_layers/permute/
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        each: list[Any] = list(dims) if isinstance(dims, tuple | list) else [None]
        if not all(map(is_whole, each)) or sorted(each) != list(range(1, len(each) + 1)):
            raise ValueError(
                explain(
                    f"Permute(dims={dims!r})",
                    expected="each place once, counted from 1",
                    received=describe(dims),
                    action="Pass for example (2, 1), which exchanges two dimensions.",
                )
            )
        self.dims: tuple[int, ...] = tuple(map(int, each))

    def call(self, inputs: Array) -> Any:
        """Returns the inputs with their dimensions in that order."""
        if inputs.ndim != len(self.dims) + 1:
            raise ValueError(
                explain(
                    f"{self.name}(inputs)",
                    expected=f"inputs of {len(self.dims) + 1} dimensions, as dims={self.dims}",
                    received=describe(inputs),
                    action="Name each dimension but that of the samples in `dims`.",
                )
            )
        return inputs.transpose(0, *self.dims)


@layers.register()
class RepeatVector(Layer):
    """Repeats each sample as the steps of a sequence: shape (samples, n, inputs).

    Args:
        n: How often.
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: ``n`` is not positive; at the call, samples are not vectors.

    Example:
        >>> RepeatVector(3)(jnp.ones((5, 2))).shape
        (5, 3, 2)

    Source: https://keras.io/api/layers/reshaping_layers/repeat_vector/
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n: int = count("RepeatVector", "n", n)

    def call(self, inputs: Array) -> Any:
        """Returns the inputs n times, along a new dimension of steps."""
        if inputs.ndim != 2:
            raise ValueError(
                explain(
                    f"{self.name}(inputs)",
                    expected="one vector for each sample, shape (samples, inputs)",
                    received=describe(inputs),
                    action="Put a `Flatten` before it.",
                )
            )
        return jnp.repeat(inputs[:, None], self.n, axis=1)


@layers.register()
class ZeroPadding1D(Layer):
    """Puts steps of 0 before and after each sequence, shape (samples, steps, channels).

    Args:
        padding: How many on both sides, or (before, after).
        data_format: "channels_last" (the default), or "channels_first": (samples, channels, steps).
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: A number is negative; at the call, the inputs have another rank.

    Example:
        >>> ZeroPadding1D((1, 2))(jnp.ones((2, 4, 3))).shape
        (2, 7, 3)

    Source: https://keras.io/api/layers/reshaping_layers/zero_padding1d/
    """

    def __init__(
        self,
        padding: int | Sequence[int] = 1,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.padding: tuple[int, ...] = lengths("ZeroPadding1D", "padding", padding, 2, least=0)
        self.data_format: str = format_of("ZeroPadding1D", data_format)

    def call(self, inputs: Array) -> Any:
        """Returns the padded sequences."""
        return _padded(self, inputs, [self.padding], self.data_format)


@layers.register()
class ZeroPadding2D(Layer):
    """Puts a frame of 0 around each image, shape (samples, rows, columns, channels).

    Args:
        padding: How wide; or (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" (the default), or "channels_first": (samples, channels, rows,
            columns).
        **kwargs: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: A number is negative; at the call, the inputs have another rank.

    Example:
        >>> ZeroPadding2D(((1, 0), (2, 2)))(jnp.ones((2, 4, 4, 3))).shape
        (2, 5, 8, 3)

    Source: https://keras.io/api/layers/reshaping_layers/zero_padding2d/
    """

    def __init__(
        self,
        padding: int | Sequence[int | Sequence[int]] = (1, 1),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        each = padding if isinstance(padding, tuple | list) else (padding, padding)
        if len(each) != 2:
            lengths("ZeroPadding2D", "padding", each, 2)  # raises
        self.padding: tuple[tuple[int, ...], ...] = tuple(
            lengths("ZeroPadding2D", "padding", both, 2, least=0) for both in each
        )
        self.data_format: str = format_of("ZeroPadding2D", data_format)

    def call(self, inputs: Array) -> Any:
        """Returns the padded images."""
        return _padded(self, inputs, self.padding, self.data_format)


def _padded(
    layer: Layer, inputs: Array, padding: Sequence[tuple[int, ...]], data_format: str
) -> Array:
    """Returns inputs with zeros around what is between samples and channels."""
    check_inputs(layer, inputs, len(padding), data_format)
    around = [(0, 0), *padding] if data_format == "channels_last" else [(0, 0), (0, 0), *padding]
    return jnp.pad(inputs, around + [(0, 0)] * (inputs.ndim - len(around)))
