"""Activation functions with Keras's names and defaults."""

from callbax.activations._lookup import get, serialize
from callbax.activations.linear import exponential, linear
from callbax.activations.rectified import leaky_relu, relu, relu6
from callbax.activations.saturating import hard_sigmoid, sigmoid, softsign, tanh
from callbax.activations.smooth import elu, gelu, mish, selu, silu, softplus, swish
from callbax.activations.softmax import log_softmax, softmax

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
