"""How many predictions are right and wrong, in either way, at each of several thresholds."""

from dataclasses import dataclass
from typing import Self

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._types import Array
from callbax.metrics._sum import ExactSum
from callbax.metrics._thresholds import Thresholds


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Confusion:
    """Weighted numbers of predictions; each of shape (thresholds,) or (thresholds, labels).

    Differs from Keras: the numbers are exact, however many; Keras's are single float32 numbers,
    which stop counting at 2**24.
    """

    true_positives: ExactSum
    false_positives: ExactSum
    true_negatives: ExactSum
    false_negatives: ExactSum

    @classmethod
    def empty(cls, dtype: DTypeLike, shape: tuple[int, ...]) -> Self:
        """Returns the numbers before any prediction."""
        return cls(*(ExactSum.empty(dtype, shape) for _ in range(4)))

    def add(self, more: tuple[Array, Array, Array, Array]) -> "Confusion":
        """Returns the numbers with those of one more batch: what `confusion` returned."""
        tp, fp, tn, fn = more
        return Confusion(
            self.true_positives.add(tp),
            self.false_positives.add(fp),
            self.true_negatives.add(tn),
            self.false_negatives.add(fn),
        )

    @property
    def tp(self) -> Array:
        """True positives as plain numbers."""
        return self.true_positives.value()

    @property
    def fp(self) -> Array:
        """False positives as plain numbers."""
        return self.false_positives.value()

    @property
    def tn(self) -> Array:
        """True negatives as plain numbers."""
        return self.true_negatives.value()

    @property
    def fn(self) -> Array:
        """False negatives as plain numbers."""
        return self.false_negatives.value()

    def precision(self) -> Array:
        """Returns which share of what was found is right."""
        return ratio(self.tp, self.tp + self.fp)

    def recall(self) -> Array:
        """Returns which share of what is right was found: the sensitivity."""
        return ratio(self.tp, self.tp + self.fn)

    def specificity(self) -> Array:
        """Returns which share of what is wrong was left out."""
        return ratio(self.tn, self.tn + self.fp)


def ratio(part: Array, whole: Array) -> Array:
    """Divides; what is divided by 0 is 0."""
    return jnp.where(whole == 0, 0, part / jnp.where(whole == 0, 1, whole))


def confusion(
    labels: Array, predictions: Array, weights: Array, thresholds: Thresholds
) -> tuple[Array, Array, Array, Array]:
    """Counts true and false positives and true and false negatives, in this order.

    Args:
        labels: Zeros and ones of shape (samples, labels).
        predictions: Numbers from 0 to 1 of that shape.
        weights: Weights of that shape.
        thresholds: Predictions above one are positive at it.

    Returns:
        Four arrays of shape (thresholds, labels).

    Source: ``update_confusion_matrix_variables`` in Keras.
    """
    right, wrong = labels * weights, (1 - labels) * weights
    if thresholds.evenly:
        buckets = _buckets(predictions, thresholds)
        tp, fp = (_above(part, buckets, len(thresholds.values)) for part in (right, wrong))
        return tp, fp, jnp.sum(wrong, 0) - fp, jnp.sum(right, 0) - tp
    cuts = jnp.asarray(thresholds.values, predictions.dtype)
    positive = predictions > cuts[:, None, None]
    tp, fp = (jnp.sum(jnp.where(positive, part, 0), 1) for part in (right, wrong))
    tn, fn = (jnp.sum(jnp.where(positive, 0, part), 1) for part in (wrong, right))
    return tp, fp, tn, fn


def flat_confusion(
    labels: Array, predictions: Array, weights: Array, thresholds: Thresholds
) -> tuple[Array, Array, Array, Array]:
    """Counts over arrays of any shape, whatever belongs to which sample: four of (thresholds,)."""
    columns = (jnp.reshape(part, (-1, 1)) for part in (labels, predictions, weights))
    labels, predictions, weights = columns
    tp, fp, tn, fn = confusion(labels, predictions, weights, thresholds)
    return tp[:, 0], fp[:, 0], tn[:, 0], fn[:, 0]


def _buckets(predictions: Array, thresholds: Thresholds) -> Array:
    """Returns the last threshold that each prediction is above; -1 for none."""
    width = len(thresholds.values) - 1
    last = jnp.ceil(jnp.clip(predictions, 0, 1) * width) - 1
    return (jnp.maximum(last, 0) if thresholds.outside else last).astype(jnp.int32)


def _above(values: Array, buckets: Array, count: int) -> Array:
    """Sums what is above each threshold: of shape (count, labels)."""

    def column(values: Array, buckets: Array) -> Array:
        summed = jax.ops.segment_sum(values, buckets, count)  # -1 is left out
        return jnp.flip(jnp.cumsum(jnp.flip(summed)))

    return jax.vmap(column, in_axes=-1, out_axes=-1)(values, buckets)
