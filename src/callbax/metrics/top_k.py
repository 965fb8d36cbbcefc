"""How often the right class is among the most probable ones."""

import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import count
from callbax._core._types import Array, ArrayLike
from callbax.losses._shapes import class_labels, require_same_shape
from callbax.metrics._direction import higher_is_better
from callbax.metrics._lookup import METRICS
from callbax.metrics._sample_mean import SampleMean


@METRICS.register()
class TopKCategoricalAccuracy(SampleMean):
    """How often the class of one-hot labels is among the ``k`` most probable.

    For many classes of which several would do.

    Args:
        k: How many of the most probable classes to look at.
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Example:
        >>> float(TopKCategoricalAccuracy(k=1)([[0, 1], [1, 0]], [[0.4, 0.6], [0.3, 0.7]]))
        0.5

    Source: ``keras.metrics.TopKCategoricalAccuracy``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "top_k_categorical_accuracy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.k: int = count("TopKCategoricalAccuracy", "k", k)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return top_k_categorical_accuracy(y_true, y_pred, self.k)


@higher_is_better
def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Array:
    """Finds out where the class of one-hot labels is among the ``k`` most probable.

    Args:
        y_true: One-hot labels, classes last.
        y_pred: Predictions of the same shape.
        k: How many of the most probable classes to look at.

    Returns:
        Array without the last axis: 1 where it is, 0 elsewhere.

    Raises:
        ValueError: Labels and predictions do not match in shape.

    Example:
        >>> top_k_categorical_accuracy(jnp.eye(2), jnp.array([[0.9, 0.1]] * 2), k=1).tolist()
        [1.0, 0.0]

    Source: ``keras.metrics.top_k_categorical_accuracy``.
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    require_same_shape(
        "top_k_categorical_accuracy",
        y_true,
        y_pred,
        hint='For integer labels use "sparse_top_k_categorical_accuracy".',
    )
    return sparse_top_k_categorical_accuracy(jnp.argmax(y_true, -1), y_pred, k)


@METRICS.register()
class SparseTopKCategoricalAccuracy(SampleMean):
    """How often the class that the label names is among the ``k`` most probable.

    For many classes of which several would do, with integer labels.

    Args:
        k: How many of the most probable classes to look at.
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.
        from_sorted_ids: Whether predictions are class numbers, the most probable first, instead of
            one score for each class.

    Example:
        >>> float(SparseTopKCategoricalAccuracy(k=1)([1, 0], [[0.4, 0.6], [0.3, 0.7]]))
        0.5

    Source: ``keras.metrics.SparseTopKCategoricalAccuracy``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: DTypeLike | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        self.k: int = count("SparseTopKCategoricalAccuracy", "k", k)
        self.from_sorted_ids = from_sorted_ids

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return sparse_top_k_categorical_accuracy(y_true, y_pred, self.k, self.from_sorted_ids)


@higher_is_better
def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """Finds out where the class that the label names is among the ``k`` most probable.

    Args:
        y_true: Class numbers, one for each prediction.
        y_pred: Scores or probabilities, classes last; class numbers with ``from_sorted_ids``.
        k: How many of the most probable classes to look at.
        from_sorted_ids: Whether predictions are class numbers, the most probable first, instead of
            one score for each class.

    Returns:
        Array of the shape of the labels: 1 where it is, 0 elsewhere.

    Raises:
        ValueError: Labels and predictions do not match in shape.

    Example:
        >>> scores = jnp.array([[0.9, 0.1]] * 2)
        >>> sparse_top_k_categorical_accuracy(jnp.array([0, 1]), scores, k=1).tolist()
        [1.0, 0.0]

    Source: ``keras.metrics.sparse_top_k_categorical_accuracy``.
    """
    y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
    labels = y_true
    if y_true.ndim > 1 and y_true.size * y_pred.shape[-1] == y_pred.size:
        labels = y_true.reshape(y_pred.shape[:-1])  # one for each prediction, in whatever shape
    labels = class_labels(
        "sparse_top_k_categorical_accuracy",
        labels,
        y_pred,
        hint='For one-hot labels use "top_k_categorical_accuracy".',
    )
    if from_sorted_ids:
        matches = jnp.any(labels[..., None].astype(y_pred.dtype) == y_pred[..., :k], axis=-1)
    else:
        chosen = labels[..., None].astype(jnp.int32)
        score = jnp.take_along_axis(y_pred, chosen, axis=-1)
        # A label beyond the last class reads NaN; it is never among the best.
        score = jnp.where(jnp.isnan(score), -jnp.inf, score)
        matches = jnp.sum(y_pred > score, axis=-1) < k
    return jnp.reshape(matches, y_true.shape).astype(jnp.float32)
