"""Layers that give their inputs another shape."""

import math
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax.layers._layer import Layer, layers


@layers.register()
class Reshape(Layer):
    """Gives each sample another shape.

    Args:
        target_shape: Shape of one sample; -1 for one length that follows from the others.
        **common: Arguments of all layers: name, input_shape.

    Raises:
        ValueError: The numbers of a sample do not fill the shape, at the call.

    Example:
        >>> import jax.numpy as jnp
        >>> Reshape((2, -1))(jnp.ones((5, 6))).shape
        (5, 2, 3)

    Source: https://keras.io/api/layers/reshaping_layers/reshape/
    """

    def __init__(self, target_shape: tuple[int, ...], **common: Any) -> None:
        super().__init__(**common)
        self.target_shape: tuple[int, ...] = tuple(map(int, target_shape))

    def call(self, inputs: Array) -> Any:
        """Returns the inputs, shape (samples, *target_shape)."""
        known = math.prod(length for length in self.target_shape if length != -1)
        size = math.prod(inputs.shape[1:])
        fits = size % max(known, 1) == 0 if -1 in self.target_shape else size == known
        if not fits or self.target_shape.count(-1) > 1:
            raise ValueError(
                explain(
                    f"{self.name}(inputs)",
                    expected=f"samples that fill the shape {self.target_shape}",
                    received=f"{describe(inputs)}, {size} numbers in each sample",
                    action="Let the lengths multiply to that, or leave one open as -1.",
                )
            )
        return inputs.reshape(inputs.shape[0], *self.target_shape)
