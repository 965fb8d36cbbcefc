"""Loss objects of Keras itself, which scripts that move over may still hand to ``compile``."""

import sys
from typing import Any

import jax.numpy as jnp

from callbax._core._errors import explain
from callbax._core._types import Array, ArrayLike
from callbax.losses._loss import Loss


class KerasLoss(Loss):
    """A loss object of Keras as one of callbax: it reduces and weights by itself.

    Args:
        loss: The object.
    """

    def __init__(self, loss: Any) -> None:
        super().__init__(name=loss.name, reduction=None)
        self.loss = loss

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Array:
        return jnp.asarray(self.loss(y_true, y_pred, sample_weight=sample_weight), self.dtype)


def is_keras(thing: object, room: str, name: str) -> bool:
    """Returns whether a thing is an object of a class of Keras; Keras is never imported for it.

    Args:
        thing: Anything.
        room: Where the class is, such as "losses".
        name: The class.
    """
    found = getattr(getattr(sys.modules.get("keras"), room, None), name, None)
    return isinstance(found, type) and isinstance(thing, found)


def need_jax(where: str) -> None:
    """Raises unless Keras computes with JAX, as only then its objects can be compiled here."""
    backend = sys.modules["keras"].config.backend()
    if backend != "jax":
        raise ValueError(
            explain(
                where,
                expected="an object of callbax, or of Keras on JAX",
                received=f'an object of Keras on "{backend}"',
                action="Use callbax's own, or set KERAS_BACKEND=jax before Keras is imported.",
            )
        )
