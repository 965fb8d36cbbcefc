"""Activation functions with Keras's names and defaults."""

from callbax.activations._lookup import get, serialize
from callbax.activations.distributions import log_softmax, softmax
from callbax.activations.rectified import leaky_relu, relu, relu6
from callbax.activations.saturating import hard_sigmoid, sigmoid, softsign, tanh
from callbax.activations.smooth import elu, gelu, mish, selu, silu, softplus, swish
from callbax.activations.unbounded import exponential, linear

__all__ = [
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]
