"""Activations without a corner or a bound."""

import jax.numpy as jnp

from callbax._core._types import Array, ArrayLike
from callbax.activations._lookup import ACTIVATIONS


@ACTIVATIONS.register()
def linear(x: ArrayLike) -> Array:
    """Returns its input.

    For the last layer of a regression, and wherever a layer should have no activation.

    Args:
        x: Array of any shape.

    Returns:
        The same array.

    Example:
        >>> linear(2.0)
        Array(2., dtype=float32, weak_type=True)

    Source: ``keras.activations.linear``.
    """
    return jnp.asarray(x)


@ACTIVATIONS.register()
def exponential(x: ArrayLike) -> Array:
    """Returns ``exp(x)``.

    For outputs that must be positive, such as rates.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> float(exponential(0.0))
        1.0

    Source: ``keras.activations.exponential``.
    """
    return jnp.exp(jnp.asarray(x))
