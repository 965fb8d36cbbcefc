"""Crossentropy of labels that are one class out of several."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import share
from callbax._core._errors import explain
from callbax._core._types import Array, ArrayLike
from callbax._core._warnings import warn
from callbax.losses._lookup import LOSSES
from callbax.losses._loss import Loss
from callbax.losses._shapes import require_same_shape, same_rank
from callbax.losses.binary import EPSILON

# A class first, its function after it: both go by one name in snake case, which means the function.


@LOSSES.register(as_snake_case=False)
class CategoricalCrossentropy(Loss):
    """Crossentropy between one-hot labels and a predicted distribution over classes.

    For classes that exclude each other, with one-hot or soft labels; for integer labels use
    `SparseCategoricalCrossentropy`.

    Args:
        from_logits: Whether predictions are scores before a softmax. More exact than
            probabilities.
        label_smoothing: How far labels are drawn towards the uniform distribution, from 0 to 1.
        axis: The axis of the classes.
        reduction: How the values of a batch become one; see `Loss`.
        name: Its name.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: At the call: labels and predictions differ in shape.

    Example:
        >>> loss = CategoricalCrossentropy()
        >>> round(float(loss([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931

    Source: ``keras.losses.CategoricalCrossentropy``.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing: float = share(
            "CategoricalCrossentropy",
            "label_smoothing",
            label_smoothing,
            action="Pass for example 0.1.",
        )
        self.axis = axis

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """Returns one value per sample."""
        return categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


@LOSSES.register()
def categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Returns the crossentropy of one-hot labels along the axis of the classes.

    The function behind `CategoricalCrossentropy`.

    Args:
        y_true: Labels: distributions over the classes.
        y_pred: Predictions of the same shape, probabilities or scores.
        from_logits: Whether predictions are scores before a softmax.
        label_smoothing: How far labels are drawn towards the uniform distribution, from 0 to 1.
        axis: The axis of the classes.

    Returns:
        Array without that axis.

    Raises:
        ValueError: Labels and predictions differ in shape.

    Differs from Keras 3.15: smoothing divides by the number of classes along ``axis``, not by the
    length of the last axis.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.0, 1.0]]).round(4).tolist()
        [0.0]

    Source: ``keras.losses.categorical_crossentropy``.
    """
    y_pred = jnp.asarray(y_pred)
    y_true, y_pred = same_rank(jnp.asarray(y_true, y_pred.dtype), y_pred)
    require_same_shape(
        "categorical_crossentropy",
        y_true,
        y_pred,
        hint='For integer labels use "sparse_categorical_crossentropy".',
    )
    if y_pred.shape[axis] == 1:
        warn(
            explain(
                "categorical_crossentropy(y_true, y_pred)",
                expected="more than one class",
                received=f"y_pred of shape {y_pred.shape}",
                action='Use "binary_crossentropy" for two classes.',
            ),
            SyntaxWarning,
        )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]
    return -jnp.sum(y_true * log_probabilities(y_pred, from_logits, axis), axis=axis)


def log_probabilities(y_pred: Array, from_logits: bool, axis: int) -> Array:
    """Returns the logarithms of predicted probabilities, brought to a sum of 1."""
    if from_logits:
        return jax.nn.log_softmax(y_pred, axis=axis)
    y_pred = y_pred / jnp.sum(y_pred, axis, keepdims=True)
    return jnp.log(jnp.clip(y_pred, EPSILON, 1.0 - EPSILON))
