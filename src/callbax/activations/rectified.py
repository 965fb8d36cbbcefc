"""Activations made of straight lines."""

import jax
import jax.numpy as jnp

from callbax._core._types import Array, ArrayLike
from callbax.activations._lookup import ACTIVATIONS


@ACTIVATIONS.register()
def relu(
    x: ArrayLike,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Array:
    """Returns the positive part of ``x``, with an optional leak, ceiling and threshold.

    The default choice for hidden layers.

    Args:
        x: Array of any shape.
        negative_slope: Slope below the threshold.
        max_value: Ceiling of the result; ``None`` for none.
        threshold: Inputs at or below it count as negative.

    Returns:
        Array of the same shape.

    Example:
        >>> relu(jnp.array([-10.0, 5.0, 10.0]), negative_slope=0.5, max_value=6.0).tolist()
        [-5.0, 5.0, 6.0]

    Source: ``keras.activations.relu``.
    """
    x = jnp.asarray(x)
    if negative_slope and max_value is None and threshold == 0:
        return jax.nn.leaky_relu(x, negative_slope=negative_slope)
    positive = jnp.where(x > threshold, x, 0) if threshold else jax.nn.relu(x)
    if max_value is not None:
        positive = jnp.clip(positive, 0, max_value)
    if not negative_slope:
        return positive
    return positive - negative_slope * jax.nn.relu(threshold - x)


@ACTIVATIONS.register()
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Array:
    """Returns ``x`` where positive, ``negative_slope * x`` elsewhere.

    Where units that `relu` has switched off for good are a problem.

    Args:
        x: Array of any shape.
        negative_slope: Slope for negative inputs.

    Returns:
        Array of the same shape.

    Example:
        >>> leaky_relu(jnp.array([-1.0, 1.0]), negative_slope=0.5).tolist()
        [-0.5, 1.0]

    Source: ``keras.activations.leaky_relu``.
    """
    return jax.nn.leaky_relu(jnp.asarray(x), negative_slope=negative_slope)


@ACTIVATIONS.register()
def relu6(x: ArrayLike) -> Array:
    """Returns `relu` with a ceiling of 6.

    For networks that are to run in low precision.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> relu6(jnp.array([-1.0, 3.0, 9.0])).tolist()
        [0.0, 3.0, 6.0]

    Source: ``keras.activations.relu6``.
    """
    return jax.nn.relu6(jnp.asarray(x))
