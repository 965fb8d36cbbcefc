"""TensorFlow's room of activations and losses, on arrays of JAX.

For scripts that call ``tf.nn.relu`` and its like; layers and losses have their own rooms.
"""

from typing import TYPE_CHECKING

from callbax._core._missing import missing_names
from callbax.nn.activations import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    swish,
    tanh,
)
from callbax.nn.losses import (
    l2_loss,
    sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits,
    sparse_softmax_cross_entropy_with_logits,
)
from callbax.nn.moments import l2_normalize, moments

__all__ = [
    "elu",
    "gelu",
    "l2_loss",
    "l2_normalize",
    "leaky_relu",
    "log_softmax",
    "moments",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy_with_logits",
    "silu",
    "softmax",
    "softmax_cross_entropy_with_logits",
    "softplus",
    "softsign",
    "sparse_softmax_cross_entropy_with_logits",
    "swish",
    "tanh",
]

_HINTS = {
    "dropout": "Put a `layers.Dropout` into the model: a function would drop the same numbers in "
    "every step of a compiled loop.",
}

if not TYPE_CHECKING:  # a type checker is to report unknown names
    __getattr__ = missing_names(
        __name__, "Use `jax.nn`, or a layer of `callbax.layers` or nnx.", _HINTS
    )
