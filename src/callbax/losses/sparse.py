"""Crossentropy of labels that are class numbers."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._errors import explain
from callbax._core._types import Array, ArrayLike
from callbax.losses._lookup import LOSSES
from callbax.losses._loss import Loss
from callbax.losses._shapes import align_weights, class_labels, same_rank
from callbax.losses._wrapper import LossFunctionWrapper
from callbax.losses.categorical import log_probabilities

# The class first, its function after it: both go by one name in snake case, which means the
# function.


@LOSSES.register(as_snake_case=False)
class SparseCategoricalCrossentropy(Loss):
    """Crossentropy between class numbers and a predicted distribution over classes.

    For classes that exclude each other; the same loss as `CategoricalCrossentropy`, without
    one-hot labels.

    Args:
        from_logits: Whether predictions are scores before a softmax. More exact than
            probabilities.
        ignore_class: A class number that marks what is not to count, such as -1 or 255;
            ``None`` for none.
        reduction: How the values of a batch become one; see `Loss`. Means are over what counts.
        axis: The axis of the classes.
        name: Its name.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: At the call: the labels do not have the predictions' shape without ``axis``.
            In ``fit`` and ``evaluate`` of arrays: a label that counts is outside the classes.

    Example:
        >>> loss = SparseCategoricalCrossentropy(ignore_class=-1)
        >>> round(float(loss([1, -1], [[0.5, 0.5], [0.1, 0.9]])), 4)
        0.6931

    Differs from Keras: the axis of the classes may be any, and stands in the config; the loss of a
    label outside the classes is NaN, never 0.

    Source: ``keras.losses.SparseCategoricalCrossentropy``.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """Returns one value per sample, 0 for what is ignored."""
        return sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )

    def mask(self, y_true: Array, y_pred: Array) -> Array | None:
        """Returns which labels are not to be ignored; ``None`` for all."""
        return valid_labels(y_true, y_pred, self.ignore_class, self.axis)


@LOSSES.register()
def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Array:
    """Returns the crossentropy of class numbers along the axis of the classes.

    The function behind `SparseCategoricalCrossentropy`.

    Args:
        y_true: Class numbers, of the predictions' shape without ``axis`` or with 1 there.
        y_pred: Predictions, probabilities or scores.
        from_logits: Whether predictions are scores before a softmax.
        ignore_class: A class number whose value is 0; ``None`` for none.
        axis: The axis of the classes.

    Returns:
        Array of the predictions' shape without ``axis``; NaN where there is no such class.

    Raises:
        ValueError: The labels do not have that shape.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.0, 1.0]]).round(4).tolist()
        [0.0]

    Source: ``keras.losses.sparse_categorical_crossentropy``.
    """
    y_pred = jnp.asarray(y_pred)
    labels = _labels(y_true, y_pred, axis)
    valid = valid_labels(y_true, y_pred, ignore_class, axis)
    if valid is not None:
        labels = jnp.where(valid, labels, 0)
        # Ones, not Keras's zeros: zeros divided by their sum are NaN before they are dropped.
        y_pred = jnp.where(jnp.expand_dims(valid, axis), y_pred, 1)
    classes = y_pred.shape[axis]
    chosen = jax.nn.one_hot(labels.astype(jnp.int32), classes, axis=axis)
    values = -jnp.sum(chosen * log_probabilities(y_pred, from_logits, axis), axis=axis)
    values = jnp.where((labels >= 0) & (labels < classes), values, jnp.nan)
    return values if valid is None else jnp.where(valid, values, 0.0)


def valid_labels(
    y_true: ArrayLike, y_pred: Array, ignore_class: int | None, axis: int
) -> Array | None:
    """Returns which labels are not to be ignored; ``None`` for all."""
    return None if ignore_class is None else _labels(y_true, y_pred, axis) != ignore_class


def check_labels(
    where: str, loss: Loss, y_true: Any, y_pred_shape: tuple[int, ...], sample_weight: Any
) -> None:
    """Raises if a label is outside the classes, counts, and the loss takes class numbers.

    Args:
        where: The argument that holds the labels.
        loss: The loss that they are for.
        y_true: The labels, an array on the host or not.
        y_pred_shape: Shape of the predictions for a batch of them.
        sample_weight: Their weights, or None.
    """
    settings = _settings(loss)
    if settings is None:
        return
    ignore_class, axis = settings
    classes = y_pred_shape[axis]
    if y_true.min() >= 0 and y_true.max() < classes:
        return
    labels = jnp.asarray(y_true)
    counts = jnp.ones(labels.shape, bool) if ignore_class is None else labels != ignore_class
    if sample_weight is not None:
        counts, weights = same_rank(counts, jnp.asarray(sample_weight))
        counts &= align_weights(counts, weights) != 0
    wrong = counts & ~((labels >= 0) & (labels < classes)).reshape(counts.shape)
    if wrong.any():
        label = labels.reshape(wrong.shape)[wrong][0].item()
        raise ValueError(
            explain(
                where,
                expected=f"class numbers in [0, {classes}), as there are {classes} outputs",
                received=f"{wrong.sum()} labels of {labels.size} outside, such as {label:g}",
                action=f"{_numbering(labels, classes, label)}, give the last layer an output "
                "for each, or pass `ignore_class` to the loss.",
            )
        )


def _numbering(labels: Array, classes: int, label: float) -> str:
    """Returns what is wrong with the numbers of classes."""
    outside = f"The label {label:g} is outside [0, {classes})"
    if labels.min() == 1 and labels.max() == classes:
        return f"{outside}; if labels count from 1 to {classes}, pass y - 1: count classes from 0"
    return f"{outside}: count classes from 0"


def _settings(loss: Loss) -> tuple[int | None, int] | None:
    """Returns which class a loss of class numbers ignores, and the axis; None for other losses."""
    if isinstance(loss, SparseCategoricalCrossentropy):
        own = type(loss).call is SparseCategoricalCrossentropy.call
        return (loss.ignore_class, loss.axis) if own else None
    if isinstance(loss, LossFunctionWrapper) and loss.fn is sparse_categorical_crossentropy:
        arguments = loss.get_config()
        return arguments.get("ignore_class"), arguments.get("axis", -1)
    return None


def _labels(y_true: ArrayLike, y_pred: Array, axis: int) -> Array:
    return class_labels(
        "sparse_categorical_crossentropy",
        jnp.asarray(y_true),
        y_pred,
        axis=axis,
        hint='For one-hot labels use "categorical_crossentropy".',
    )
