"""Crossentropy of labels that are class numbers."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._types import Array, ArrayLike
from callbax.losses._lookup import LOSSES
from callbax.losses._loss import Loss
from callbax.losses._shapes import class_labels
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

    Example:
        >>> loss = SparseCategoricalCrossentropy(ignore_class=-1)
        >>> round(float(loss([1, -1], [[0.5, 0.5], [0.1, 0.9]])), 4)
        0.6931

    Differs from Keras: the axis of the classes may be any, and stands in the config.

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
        Array of the predictions' shape without ``axis``.

    Raises:
        ValueError: The labels do not have that shape.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.0, 1.0]]).round(4).tolist()
        [0.0]

    Source: ``keras.losses.sparse_categorical_crossentropy``.
    """
    y_pred = jnp.asarray(y_pred)
    labels = _labels(y_true, y_pred, axis).astype(jnp.int32)
    valid = valid_labels(y_true, y_pred, ignore_class, axis)
    if valid is not None:
        labels = jnp.where(valid, labels, 0)
        # Ones, not Keras's zeros: zeros divided by their sum are NaN before they are dropped.
        y_pred = jnp.where(jnp.expand_dims(valid, axis), y_pred, 1)
    chosen = jax.nn.one_hot(labels, y_pred.shape[axis], axis=axis)
    values = -jnp.sum(chosen * log_probabilities(y_pred, from_logits, axis), axis=axis)
    return values if valid is None else jnp.where(valid, values, 0.0)


def valid_labels(
    y_true: ArrayLike, y_pred: Array, ignore_class: int | None, axis: int
) -> Array | None:
    """Returns which labels are not to be ignored; ``None`` for all."""
    return None if ignore_class is None else _labels(y_true, y_pred, axis) != ignore_class


def _labels(y_true: ArrayLike, y_pred: Array, axis: int) -> Array:
    return class_labels(
        "sparse_categorical_crossentropy",
        jnp.asarray(y_true),
        y_pred,
        axis=axis,
        hint='For one-hot labels use "categorical_crossentropy".',
    )
