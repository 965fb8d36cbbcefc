"""Activations that saturate on both sides."""

import jax
import jax.numpy as jnp

from callbax._core._types import Array, ArrayLike
from callbax.activations._lookup import ACTIVATIONS


@ACTIVATIONS.register()
def sigmoid(x: ArrayLike) -> Array:
    """Squeezes any number into (0, 1): ``1 / (1 + exp(-x))``.

    For the last layer of a binary classifier, and for gates.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> float(sigmoid(0.0))
        0.5

    Source: ``keras.activations.sigmoid``.
    """
    return jax.nn.sigmoid(jnp.asarray(x))


@ACTIVATIONS.register()
def hard_sigmoid(x: ArrayLike) -> Array:
    """Approximates `sigmoid` by three straight lines: ``clip(x / 6 + 0.5, 0, 1)``.

    Where the exponential is too dear, as on small devices.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> hard_sigmoid(jnp.array([-3.0, 0.0, 3.0])).tolist()
        [0.0, 0.5, 1.0]

    Source: ``keras.activations.hard_sigmoid``.
    """
    return jax.nn.hard_sigmoid(jnp.asarray(x))


@ACTIVATIONS.register()
def tanh(x: ArrayLike) -> Array:
    """Squeezes any number into (-1, 1).

    For recurrent layers and for outputs centred on zero.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> float(tanh(0.0))
        0.0

    Source: ``keras.activations.tanh``.
    """
    return jnp.tanh(jnp.asarray(x))


@ACTIVATIONS.register()
def softsign(x: ArrayLike) -> Array:
    """Squeezes any number into (-1, 1) with long tails: ``x / (abs(x) + 1)``.

    An alternative to `tanh` that saturates more slowly.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> float(softsign(1.0))
        0.5

    Source: ``keras.activations.softsign``.
    """
    return jax.nn.soft_sign(jnp.asarray(x))
