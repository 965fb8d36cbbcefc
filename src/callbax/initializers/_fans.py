"""How many inputs and outputs a unit of a weight has, and values scaled by them."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._types import Array
from callbax.initializers._seeded import Seed, SeededInitializer

TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a unit normal distribution cut off at two deviations."""


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Returns the number of inputs and of outputs of a unit.

    Args:
        shape: Shape of the weight: (inputs, outputs), or (window..., inputs, outputs).
        input_axes: The axes to count as inputs; heeded together with ``output_axes`` only.
        output_axes: The axes to count as outputs.

    Example:
        >>> compute_fans((3, 3, 16, 32))
        (144, 288)

    Source: ``compute_fans`` in Keras.
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


class FanInitializer(SeededInitializer):
    """An initializer whose spread follows from the weight's fans; subclasses say how.

    Args:
        seed: An integer for the same values every time; ``None`` draws one now.
        input_axes: The axes of the weight to count as inputs; ``None`` for all but the last.
        output_axes: The axes to count as outputs; ``None`` for all but the last but one.
    """

    scale: float
    mode: str
    distribution: str

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns the same values at every call with that shape."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        dtype = dtype or jnp.float32
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return jax.random.uniform(self.key, shape, dtype, minval=-limit, maxval=limit)
        if self.distribution == "untruncated_normal":
            return jax.random.normal(self.key, shape, dtype) * math.sqrt(variance)
        sample = jax.random.truncated_normal(self.key, -2.0, 2.0, shape, dtype)
        return sample * (math.sqrt(variance) / TRUNCATED_STDDEV)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        axes = {"input_axes": self.input_axes, "output_axes": self.output_axes}
        return {**super().get_config(), **axes}
