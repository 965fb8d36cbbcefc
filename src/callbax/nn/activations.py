"""Activations."""

import jax
import jax.numpy as jnp

from callbax._core._types import Array
from callbax._tf._convert import TensorLike, to_array


def relu(features: TensorLike, name: str | None = None) -> Array:
    """Returns numbers, negative ones as 0.

    Args:
        features: Numbers of any shape.
        name: Not used.

    Example:
        >>> relu([-1.0, 2.0]).tolist()
        [0.0, 2.0]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/relu
    """
    return jax.nn.relu(to_array("nn.relu", features))


def relu6(features: TensorLike, name: str | None = None) -> Array:
    """Returns numbers cut to 0 to 6.

    Args:
        features: Numbers of any shape.
        name: Not used.

    Example:
        >>> relu6([-1.0, 2.0, 7.0]).tolist()
        [0.0, 2.0, 6.0]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/relu6
    """
    return jax.nn.relu6(to_array("nn.relu6", features))


def leaky_relu(features: TensorLike, alpha: float = 0.2, name: str | None = None) -> Array:
    """Returns numbers, of negative ones only a part.

    Args:
        features: Numbers of any shape.
        alpha: Which part of negative numbers stays.
        name: Not used.

    Example:
        >>> leaky_relu([-1.0, 2.0], alpha=0.5).tolist()
        [-0.5, 2.0]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/leaky_relu
    """
    return jax.nn.leaky_relu(to_array("nn.leaky_relu", features), alpha)


def elu(features: TensorLike, name: str | None = None) -> Array:
    """Returns numbers, exp(x) - 1 for negative ones.

    Args:
        features: Numbers of any shape.
        name: Not used.

    Example:
        >>> elu([-100.0, 2.0]).tolist()
        [-1.0, 2.0]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/elu
    """
    return jax.nn.elu(to_array("nn.elu", features))


def selu(features: TensorLike, name: str | None = None) -> Array:
    """Returns a scaled `elu`, which keeps mean and variance from layer to layer.

    Args:
        features: Numbers of any shape.
        name: Not used.

    Example:
        >>> selu([0.0]).tolist()
        [0.0]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/selu
    """
    return jax.nn.selu(to_array("nn.selu", features))


def softplus(features: TensorLike, name: str | None = None) -> Array:
    """Returns log(1 + exp(x)), a smooth `relu`.

    Args:
        features: Numbers of any shape.
        name: Not used.

    Example:
        >>> [round(y, 4) for y in softplus([0.0]).tolist()]
        [0.6931]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/softplus
    """
    return jax.nn.softplus(to_array("nn.softplus", features))


def softsign(features: TensorLike, name: str | None = None) -> Array:
    """Returns ``x / (1 + |x|)``, between -1 and 1.

    Args:
        features: Numbers of any shape.
        name: Not used.

    Example:
        >>> softsign([-1.0, 1.0]).tolist()
        [-0.5, 0.5]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/softsign
    """
    return jax.nn.soft_sign(to_array("nn.softsign", features))


def gelu(features: TensorLike, approximate: bool = False, name: str | None = None) -> Array:
    """Returns numbers times the normal distribution's probability to be below them.

    Args:
        features: Numbers of any shape.
        approximate: Whether to compute it by a tanh, which is faster.
        name: Not used.

    Example:
        >>> [round(y, 4) for y in gelu([1.0]).tolist()]
        [0.8413]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/gelu
    """
    return jax.nn.gelu(to_array("nn.gelu", features), approximate=approximate)


def silu(features: TensorLike, beta: float = 1.0) -> Array:
    """Returns x * sigmoid(beta * x).

    Args:
        features: Numbers of any shape.
        beta: How steep the sigmoid is.

    Example:
        >>> [round(y, 4) for y in silu([1.0]).tolist()]
        [0.7311]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/silu
    """
    given = to_array("nn.silu", features)
    return given * jax.nn.sigmoid(beta * given)


swish = silu
"""The older name of `silu`."""


def sigmoid(x: TensorLike, name: str | None = None) -> Array:
    """Returns 1 / (1 + exp(-x)), between 0 and 1.

    Args:
        x: Numbers of any shape.
        name: Not used.

    Example:
        >>> sigmoid([0.0]).tolist()
        [0.5]

    Source: https://www.tensorflow.org/api_docs/python/tf/math/sigmoid
    """
    return jax.nn.sigmoid(to_array("nn.sigmoid", x))


def tanh(x: TensorLike, name: str | None = None) -> Array:
    """Returns hyperbolic tangents, between -1 and 1.

    Args:
        x: Numbers of any shape.
        name: Not used.

    Example:
        >>> tanh([0.0]).tolist()
        [0.0]

    Source: https://www.tensorflow.org/api_docs/python/tf/math/tanh
    """
    return jnp.tanh(to_array("nn.tanh", x))


def softmax(logits: TensorLike, axis: int | None = None, name: str | None = None) -> Array:
    """Turns scores into probabilities.

    Args:
        logits: Scores of any shape.
        axis: The axis of the classes; ``None`` for the last.
        name: Not used.

    Example:
        >>> softmax([1.0, 1.0]).tolist()
        [0.5, 0.5]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/softmax
    """
    return jax.nn.softmax(to_array("nn.softmax", logits), -1 if axis is None else axis)


def log_softmax(logits: TensorLike, axis: int | None = None, name: str | None = None) -> Array:
    """Turns scores into logarithms of probabilities.

    Args:
        logits: Scores of any shape.
        axis: The axis of the classes; ``None`` for the last.
        name: Not used.

    Example:
        >>> [round(y, 4) for y in log_softmax([1.0, 1.0]).tolist()]
        [-0.6931, -0.6931]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/log_softmax
    """
    return jax.nn.log_softmax(to_array("nn.log_softmax", logits), -1 if axis is None else axis)
