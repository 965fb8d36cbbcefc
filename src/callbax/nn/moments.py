"""Means, variances and lengths."""

import jax.numpy as jnp

from callbax._core._types import Array
from callbax._tf._convert import Axis, TensorLike, to_array
from callbax._tf._convert import axes as _over


def moments(
    x: TensorLike,
    axes: Axis,
    shift: None = None,
    keepdims: bool = False,
    name: str | None = None,
) -> tuple[Array, Array]:
    """Returns mean and variance along axes.

    Args:
        x: Numbers of any shape.
        axes: Which axes.
        shift: Not used, as in TensorFlow.
        keepdims: Whether these stay, of length 1.
        name: Not used.

    Example:
        >>> mean, variance = moments([1.0, 3.0], [0])
        >>> float(mean), float(variance)
        (2.0, 1.0)

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/moments
    """
    given, over = to_array("nn.moments", x), _over(axes)
    return jnp.mean(given, over, keepdims=keepdims), jnp.var(given, over, keepdims=keepdims)


def l2_normalize(
    x: TensorLike, axis: Axis = None, epsilon: float = 1e-12, name: str | None = None
) -> Array:
    """Scales vectors to length 1.

    Args:
        x: Numbers of any shape.
        axis: The axis of the vectors; ``None`` for one vector of all.
        epsilon: The least squared length to divide by.
        name: Not used.

    Example:
        >>> [round(y, 4) for y in l2_normalize([3.0, 4.0]).tolist()]
        [0.6, 0.8]

    Source: https://www.tensorflow.org/api_docs/python/tf/math/l2_normalize
    """
    given = to_array("nn.l2_normalize", x)
    squared = jnp.sum(jnp.square(given), _over(axis), keepdims=True)
    return given / jnp.sqrt(jnp.maximum(squared, epsilon))
