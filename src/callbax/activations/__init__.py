"""Activation functions with Keras's names and defaults."""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
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

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__, "Pass any function of an array, such as those of flax.nnx and jax.nn."
    )
