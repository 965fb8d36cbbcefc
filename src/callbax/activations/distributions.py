"""Activations that turn scores into a distribution."""

import jax
import jax.numpy as jnp

from callbax._core._errors import explain
from callbax._core._types import Array, ArrayLike
from callbax._core._warnings import warn
from callbax.activations._lookup import ACTIVATIONS

Axis = int | tuple[int, ...]


@ACTIVATIONS.register()
def softmax(x: ArrayLike, axis: Axis = -1) -> Array:
    """Turns scores into probabilities: ``exp(x) / sum(exp(x))`` along an axis.

    For the last layer of a classifier over classes that exclude each other.

    Args:
        x: Scores (logits), at least one-dimensional.
        axis: The axis, or axes, that become one distribution.

    Returns:
        Array of the same shape; sums to 1 along ``axis``.

    Example:
        >>> softmax(jnp.zeros(4)).tolist()
        [0.25, 0.25, 0.25, 0.25]

    Source: ``keras.activations.softmax``.
    """
    x = jnp.asarray(x)
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warn(
            explain(
                f"softmax(x, axis={axis})",
                expected="an axis longer than 1",
                received=f"x of shape {x.shape}, for which the result is always 1",
                action="Use a sigmoid instead.",
            )
        )
    return jax.nn.softmax(x, axis=axis)


@ACTIVATIONS.register()
def log_softmax(x: ArrayLike, axis: Axis = -1) -> Array:
    """Turns scores into logarithms of probabilities along an axis.

    Keeps more digits than the logarithm of `softmax`.

    Args:
        x: Scores (logits), at least one-dimensional.
        axis: The axis, or axes, that become one distribution.

    Returns:
        Array of the same shape.

    Example:
        >>> bool(jnp.allclose(log_softmax(jnp.zeros(4)), -jnp.log(4.0)))
        True

    Source: ``keras.activations.log_softmax``.
    """
    return jax.nn.log_softmax(jnp.asarray(x), axis=axis)
