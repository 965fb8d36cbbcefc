"""Initializers without chance."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from callbax._core._arguments import number
from callbax._core._errors import describe, explain
from callbax._core._types import Array, ArrayLike
from callbax.initializers._initializer import Initializer
from callbax.initializers._lookup import INITIALIZERS


@INITIALIZERS.register("zero")
class Zeros(Initializer):
    """All zeros.

    The usual choice for biases.

    Example:
        >>> Zeros()((2,)).tolist()
        [0.0, 0.0]

    Source: ``keras.initializers.Zeros``.
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns zeros of that shape."""
        return _full(shape, 0, dtype)


@INITIALIZERS.register("one")
class Ones(Initializer):
    """All ones.

    The usual choice for scales, such as a normalization layer's gamma.

    Example:
        >>> Ones()((2,)).tolist()
        [1.0, 1.0]

    Source: ``keras.initializers.Ones``.
    """

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns ones of that shape."""
        return _full(shape, 1, dtype)


@INITIALIZERS.register()
class Constant(Initializer):
    """One value everywhere, or an array broadcast to the weight's shape.

    For a bias that starts at a known rate, or an embedding that is given.

    Args:
        value: A number, or an array that broadcasts to the weight's shape.

    Raises:
        ValueError: At the call: the value does not broadcast to the shape.

    Example:
        >>> Constant(3.0)((2,)).tolist()
        [3.0, 3.0]

    Differs from Keras: a value that would enlarge the weight is refused.

    Source: ``keras.initializers.Constant``.
    """

    def __init__(self, value: ArrayLike | Sequence[Any] = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns the value, broadcast to that shape."""
        value = jnp.asarray(self.value, dtype or jnp.float32)
        try:
            return jnp.broadcast_to(value, shape)
        except ValueError as error:
            raise ValueError(
                explain(
                    f"Constant(value)(shape={tuple(shape)})",
                    expected="a value that broadcasts to that shape",
                    received=describe(value),
                    action="Pass a number, or an array of the weight's shape.",
                )
            ) from error

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, an array as nested lists."""
        return {"value": np.asarray(self.value).tolist()}


@INITIALIZERS.register("IdentityInitializer")
class Identity(Initializer):
    """The identity matrix, scaled.

    For recurrent kernels and for layers that should start as a pass-through.

    Args:
        gain: Factor on the diagonal.

    Raises:
        ValueError: At the call: the weight is not a matrix.

    Example:
        >>> Identity(2.0)((2, 2)).tolist()
        [[2.0, 0.0], [0.0, 2.0]]

    Differs from Keras: the gain is part of the config, so that a saved layer keeps it.

    Source: ``keras.initializers.Identity``.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain: float = number("Identity", "gain", gain)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns ones on the main diagonal, times the gain."""
        if len(shape) != 2:
            raise ValueError(
                explain(
                    f"Identity()(shape={tuple(shape)})",
                    expected="a shape of two dimensions",
                    received=f"{len(shape)}",
                    action='Use "orthogonal" for weights of more dimensions.',
                )
            )
        return self.gain * jnp.eye(shape[0], shape[1], dtype=dtype or jnp.float32)


def _full(shape: Sequence[int], value: float, dtype: DTypeLike | None) -> Array:
    """Returns an array of one value, without compiling a program for its shape."""
    array: Array = jnp.asarray(np.full(shape, value, dtype or np.float32))
    return array


zeros = Zeros
ones = Ones
constant = Constant
identity = Identity
