"""Activations that pass what is positive and damp what is negative, smoothly."""

import jax
import jax.numpy as jnp

from callbax._core._types import Array, ArrayLike
from callbax.activations._lookup import ACTIVATIONS


@ACTIVATIONS.register()
def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Returns ``x`` where positive, ``alpha * (exp(x) - 1)`` elsewhere.

    For deep networks whose activations should average near zero.

    Args:
        x: Array of any shape.
        alpha: The bound that large negative inputs approach is ``-alpha``.

    Returns:
        Array of the same shape.

    Example:
        >>> elu(jnp.array([0.0, 2.0])).tolist()
        [0.0, 2.0]

    Source: Clevert et al., 2016, https://arxiv.org/abs/1511.07289.
    """
    return jax.nn.elu(jnp.asarray(x), alpha=alpha)


@ACTIVATIONS.register()
def selu(x: ArrayLike) -> Array:
    """Returns `elu` with the scale and bound that keep mean and variance.

    With the initializer ``lecun_normal`` it normalizes without a normalization layer.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> round(float(selu(1.0)), 4)
        1.0507

    Source: Klambauer et al., 2017, https://arxiv.org/abs/1706.02515.
    """
    return jax.nn.selu(jnp.asarray(x))


@ACTIVATIONS.register()
def gelu(x: ArrayLike, approximate: bool = False) -> Array:
    """Returns ``x`` times the probability that a normal variable is below ``x``.

    The usual activation of transformers.

    Args:
        x: Array of any shape.
        approximate: Whether to use the formula with ``tanh`` instead of ``erf``.

    Returns:
        Array of the same shape.

    Example:
        >>> float(gelu(0.0))
        0.0

    Source: Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415.
    """
    return jax.nn.gelu(jnp.asarray(x), approximate)


@ACTIVATIONS.register("swish")
def silu(x: ArrayLike) -> Array:
    """Returns ``x * sigmoid(x)``, also known as swish.

    For convolutional networks; smooth where `relu` has a corner.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> float(silu(0.0))
        0.0

    Source: Ramachandran et al., 2017, https://arxiv.org/abs/1710.05941.
    """
    return jax.nn.silu(jnp.asarray(x))


swish = silu


@ACTIVATIONS.register()
def mish(x: ArrayLike) -> Array:
    """Returns ``x * tanh(softplus(x))``.

    An alternative to `silu`, common in object detectors.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> float(mish(0.0))
        0.0

    Source: Misra, 2019, https://arxiv.org/abs/1908.08681.
    """
    x = jnp.asarray(x)
    return x * jnp.tanh(jax.nn.softplus(x))


@ACTIVATIONS.register()
def softplus(x: ArrayLike) -> Array:
    """Returns ``log(exp(x) + 1)``.

    For outputs that must be positive, such as scales; a smooth `relu`.

    Args:
        x: Array of any shape.

    Returns:
        Array of the same shape.

    Example:
        >>> round(float(softplus(0.0)), 4)
        0.6931

    Source: ``keras.activations.softplus``.
    """
    return jax.nn.softplus(jnp.asarray(x))
