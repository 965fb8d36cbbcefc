"""How often predictions are right."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import number
from callbax._core._types import Array, ArrayLike
from callbax.losses._shapes import class_labels, require_same_shape, same_rank
from callbax.metrics._direction import higher_is_better
from callbax.metrics._lookup import METRICS
from callbax.metrics._sample_mean import SampleMean


@METRICS.register()
class Accuracy(SampleMean):
    """How often predictions equal labels.

    For predictions that are labels already; ``"accuracy"`` in ``compile`` chooses among the other
    accuracies.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Example:
        >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
        0.75

    Source: ``keras.metrics.Accuracy``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        name: str | None = "accuracy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return accuracy(y_true, y_pred)


@higher_is_better
def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Finds out where predictions equal labels.

    Args:
        y_true: Labels.
        y_pred: Predicted labels, of the same shape.

    Returns:
        Array of the shape of the labels: 1 where right, 0 where wrong.

    Raises:
        ValueError: Labels and predictions do not match in shape.

    Example:
        >>> accuracy(jnp.array([1, 2]), jnp.array([1, 3])).tolist()
        [1.0, 0.0]

    Source: ``keras.metrics.Accuracy``.
    """
    y_pred = jnp.asarray(y_pred)
    y_true, y_pred = same_rank(jnp.asarray(y_true, y_pred.dtype), y_pred)
    require_same_shape("accuracy", y_true, y_pred)
    return (y_true == y_pred).astype(jnp.float32)


@METRICS.register()
class BinaryAccuracy(SampleMean):
    """How often predictions, cut at a threshold, equal labels that are 0 or 1.

    For two classes, and for labels of which several may hold at once.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.
        threshold: Predictions above it count as 1. Use 0.0 for scores before a sigmoid.

    Example:
        >>> float(BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1.0], [0.0], [0.6]]))
        0.75

    Source: ``keras.metrics.BinaryAccuracy``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: DTypeLike | None = None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__(name, dtype)
        self.threshold: float = number("BinaryAccuracy", "threshold", threshold)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return binary_accuracy(y_true, y_pred, self.threshold)


@higher_is_better
def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """Finds out where predictions, cut at a threshold, equal labels that are 0 or 1.

    Args:
        y_true: Labels, 0 or 1.
        y_pred: Predictions of the same shape.
        threshold: Predictions above it count as 1.

    Returns:
        Array of the shape of the labels: 1 where right, 0 where wrong.

    Raises:
        ValueError: Labels and predictions do not match in shape.

    Example:
        >>> binary_accuracy(jnp.array([1, 1]), jnp.array([0.9, 0.1])).tolist()
        [1.0, 0.0]

    Source: ``keras.metrics.binary_accuracy``.
    """
    y_true, y_pred = same_rank(jnp.asarray(y_true), jnp.asarray(y_pred))
    require_same_shape(
        "binary_accuracy",
        y_true,
        y_pred,
        hint='For one label out of many classes use "sparse_categorical_accuracy".',
    )
    return (y_true == (y_pred > threshold).astype(y_true.dtype)).astype(jnp.float32)


@METRICS.register()
class CategoricalAccuracy(SampleMean):
    """How often the most probable class is that of one-hot labels.

    For classes that exclude each other, with one-hot labels; scores do as well as probabilities.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Example:
        >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.4, 0.6], [0.3, 0.7]]))
        0.5

    Source: ``keras.metrics.CategoricalAccuracy``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        name: str | None = "categorical_accuracy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return categorical_accuracy(y_true, y_pred)


@higher_is_better
def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Finds out where the most probable class is that of one-hot labels.

    Args:
        y_true: One-hot labels, classes last.
        y_pred: Predictions of the same shape.

    Returns:
        Array without the last axis: 1 where right, 0 where wrong.

    Raises:
        ValueError: Labels and predictions do not match in shape.

    Example:
        >>> categorical_accuracy(jnp.eye(2), jnp.array([[0.9, 0.1], [0.9, 0.1]])).tolist()
        [1.0, 0.0]

    Source: ``keras.metrics.categorical_accuracy``.
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    require_same_shape(
        "categorical_accuracy",
        y_true,
        y_pred,
        hint='For integer labels use "sparse_categorical_accuracy".',
    )
    return (jnp.argmax(y_true, -1) == jnp.argmax(y_pred, -1)).astype(jnp.float32)


@METRICS.register()
class SparseCategoricalAccuracy(SampleMean):
    """How often the most probable class is the one that the label names.

    For classes that exclude each other, with integer labels; scores do as well as probabilities.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Example:
        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.4, 0.6], [0.3, 0.7]]))
        0.5

    Source: ``keras.metrics.SparseCategoricalAccuracy``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        name: str | None = "sparse_categorical_accuracy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return sparse_categorical_accuracy(y_true, y_pred)


@higher_is_better
def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Finds out where the most probable class is the one that the label names.

    Args:
        y_true: Class numbers; a length of 1 stands for all predictions along that axis.
        y_pred: Predictions, classes last; likewise.

    Returns:
        Array of the predictions' shape without the last axis: 1 where right, 0 where wrong.

    Raises:
        ValueError: Labels and predictions do not match in shape.

    Example:
        >>> sparse_categorical_accuracy(jnp.array([0, 1]), jnp.array([[0.9, 0.1]] * 2)).tolist()
        [1.0, 0.0]

    Source: ``keras.metrics.sparse_categorical_accuracy``.
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    chosen = jnp.argmax(y_pred, -1)
    if not (y_true.ndim == chosen.ndim and _one_stands_for_all(y_true.shape, chosen.shape)):
        y_true = class_labels(
            "sparse_categorical_accuracy",
            y_true,
            y_pred,
            hint='For one-hot labels use "categorical_accuracy".',
        )
    return (y_true == chosen).astype(jnp.float32)


def _one_stands_for_all(first: Sequence[int], second: Sequence[int]) -> bool:
    """Returns whether two shapes of one rank agree wherever neither has a length of 1."""
    return all(a == b or 1 in (a, b) for a, b in zip(first, second, strict=True))
