"""Precision and recall as one number."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import is_number, number
from callbax._core._errors import describe, explain
from callbax._core._types import Array, ArrayLike
from callbax.metrics._columns import ColumnMetric, columns
from callbax.metrics._lookup import METRICS
from callbax.metrics._sum import ExactSum
from callbax.metrics._thresholds import EPSILON

AVERAGES = (None, "micro", "macro", "weighted")
_NOTHING = 1e-9


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Hits:
    """Weighted numbers of predictions, for each class or for all together."""

    true_positives: ExactSum
    false_positives: ExactSum
    false_negatives: ExactSum
    positives: ExactSum


@METRICS.register()
class FBetaScore(ColumnMetric):
    """The weighted harmonic mean of precision and recall.

    For classes of very different sizes, with one-hot labels or labels of which several may hold at
    once. In ``compile``, more than one class needs an ``average``.

    Args:
        average: ``None`` for one score per class; "micro" counts over all classes, "macro" takes
            the mean over classes, "weighted" weighs them by how many labels they have.
        beta: How many times as much recall counts as precision.
        threshold: Predictions above it count as 1; ``None`` for the largest of each sample.
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels or predictions are not of
            shape (samples, classes).

    Example:
        >>> score = FBetaScore(beta=2.0, threshold=0.5)
        >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
        >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
        >>> [round(value, 4) for value in score(y_true, y_pred).tolist()]
        [0.3846, 0.9091, 0.8333]

    Differs from Keras: labels without a last axis of length 1 get it; weights of any shape that
    fits work.

    Source: ``keras.metrics.FBetaScore``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name, dtype)
        where = type(self).__name__
        self.average = _average(where, average)
        self.beta: float = _positive(where, "beta", beta)
        self.threshold: float | None = (
            None if threshold is None else _positive(where, "threshold", threshold, most=1.0)
        )

    def empty(self) -> Hits:
        """Returns the numbers before any batch."""
        known = self._width is not None and self.average != "micro"
        shape = (self._width,) if known else ()
        return Hits(*(ExactSum.empty(self.dtype, shape) for _ in range(4)))  # type: ignore[arg-type]

    def update(
        self,
        state: Hits,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Hits:
        """Returns the numbers after one more batch.

        Args:
            state: The numbers so far.
            y_true: Labels, 0 or 1, of shape (samples, classes).
            y_pred: Predictions of the same shape.
            sample_weight: One weight per sample.
        """
        true, pred, weight = columns(self, y_true, y_pred, sample_weight)
        chosen = self._chosen(pred).astype(self.dtype)
        parts = (chosen * true, chosen * (1 - true), (1 - chosen) * true, true)
        axis = None if self.average == "micro" else 0
        sums = (state.true_positives, state.false_positives, state.false_negatives, state.positives)
        pairs = zip(sums, parts, strict=True)
        return Hits(*(one.add(jnp.sum(part * weight, axis)) for one, part in pairs))

    def compute(self, state: Hits) -> Array:
        """Returns the score over all batches seen, or one for each class."""
        found = state.true_positives.value()
        precision = found / (found + state.false_positives.value() + EPSILON)
        recall = found / (found + state.false_negatives.value() + EPSILON)
        squared = self.beta**2
        mean = precision * recall / (squared * precision + recall + EPSILON)
        score = mean * (1 + squared)
        if self.average == "weighted":
            positives = state.positives.value()
            return jnp.sum(score * positives / (jnp.sum(positives) + EPSILON))
        return score if self.average is None else jnp.mean(score)

    def _chosen(self, pred: Array) -> Array:
        """Finds out which predictions count as 1."""
        if self.threshold is not None:
            return pred > self.threshold
        largest = jnp.max(pred, axis=-1, keepdims=True)
        return (pred >= largest) & (jnp.abs(pred) > _NOTHING)  # all zeros are not all chosen


@METRICS.register()
class F1Score(FBetaScore):
    """The harmonic mean of precision and recall.

    For classes of very different sizes, with one-hot labels or labels of which several may hold at
    once. In ``compile``, more than one class needs an ``average``.

    Args:
        average: ``None`` for one score per class; "micro" counts over all classes, "macro" takes
            the mean over classes, "weighted" weighs them by how many labels they have.
        threshold: Predictions above it count as 1; ``None`` for the largest of each sample.
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels or predictions are not of
            shape (samples, classes).

    Example:
        >>> score = F1Score(threshold=0.5)
        >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
        >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
        >>> [round(value, 4) for value in score(y_true, y_pred).tolist()]
        [0.5, 0.8, 0.6667]

    Differs from Keras: as `FBetaScore` does.

    Source: ``keras.metrics.F1Score``.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)


def _average(where: str, average: Any) -> str | None:
    if average in AVERAGES:
        found: str | None = average
        return found
    raise ValueError(
        explain(
            f"{where}(average={average!r})",
            expected='"micro", "macro", "weighted" or None',
            received=describe(average),
            action="None gives one score per class.",
        )
    )


def _positive(where: str, name: str, value: Any, *, most: float = float("inf")) -> float:
    if is_number(value) and float(value) == 0:
        raise ValueError(
            explain(
                f"{where}({name}={value!r})",
                expected="a number above 0",
                received=describe(value),
                action=f"Pass for example {name}=0.5.",
            )
        )
    return number(where, name, value, least=0.0, most=most)
