"""The best of one thing that can be had for a given amount of another."""

import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import count, share
from callbax._core._types import Array
from callbax.metrics._confusion import Confusion
from callbax.metrics._confusion_metric import ConfusionMetric
from callbax.metrics._lookup import METRICS
from callbax.metrics._thresholds import Thresholds, even


class _BestAt(ConfusionMetric):
    """The largest of one share among the thresholds at which another is large enough."""

    direction: str | None = "up"

    def __init__(
        self,
        num_thresholds: int,
        class_id: int | None,
        name: str | None,
        dtype: DTypeLike | None,
    ) -> None:
        self.num_thresholds: int = count(type(self).__name__, "num_thresholds", num_thresholds)
        several = self.num_thresholds > 1
        values = even(self.num_thresholds) if several else (0.5,)
        super().__init__(Thresholds(values, evenly=several), None, class_id, name, dtype)

    def _needed(self, argument: str, value: float) -> float:
        return share(type(self).__name__, argument, value, action="Pass for example 0.9.")


def _largest(values: Array, given: Array, least: float) -> Array:
    """Returns the largest value where what is given is enough; 0 if it never is."""
    return jnp.max(jnp.where(given >= least, values, 0))


@METRICS.register()
class SensitivityAtSpecificity(_BestAt):
    """The best sensitivity at thresholds with at least a given specificity.

    If a test may raise only so few false alarms: how much it finds then.

    Args:
        specificity: The share of negatives to be left out, from 0 to 1.
        num_thresholds: How many thresholds to try between 0 and 1.
        class_id: The only class to look at; ``None`` for all.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels and predictions differ in
            shape.

    Example:
        >>> metric = SensitivityAtSpecificity(0.5)
        >>> float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5

    Source: ``keras.metrics.SensitivityAtSpecificity``.
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(num_thresholds, class_id, name, dtype)
        self.specificity: float = self._needed("specificity", specificity)

    def compute(self, state: Confusion) -> Array:
        """Returns the best sensitivity over all batches seen, a scalar."""
        return _largest(state.recall(), state.specificity(), self.specificity)


@METRICS.register()
class SpecificityAtSensitivity(_BestAt):
    """The best specificity at thresholds with at least a given sensitivity.

    If a test must find so much: how few false alarms it raises then.

    Args:
        sensitivity: The share of positives to be found, from 0 to 1.
        num_thresholds: How many thresholds to try between 0 and 1.
        class_id: The only class to look at; ``None`` for all.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels and predictions differ in
            shape.

    Example:
        >>> metric = SpecificityAtSensitivity(0.5)
        >>> round(float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 4)
        0.6667

    Source: ``keras.metrics.SpecificityAtSensitivity``.
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(num_thresholds, class_id, name, dtype)
        self.sensitivity: float = self._needed("sensitivity", sensitivity)

    def compute(self, state: Confusion) -> Array:
        """Returns the best specificity over all batches seen, a scalar."""
        return _largest(state.specificity(), state.recall(), self.sensitivity)


@METRICS.register()
class PrecisionAtRecall(_BestAt):
    """The best precision at thresholds with at least a given recall.

    If so much must be found: which share of what is found is right then.

    Args:
        recall: The share of positives to be found, from 0 to 1.
        num_thresholds: How many thresholds to try between 0 and 1.
        class_id: The only class to look at; ``None`` for all.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels and predictions differ in
            shape.

    Example:
        >>> metric = PrecisionAtRecall(0.5)
        >>> float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5

    Source: ``keras.metrics.PrecisionAtRecall``.
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(num_thresholds, class_id, name, dtype)
        self.recall: float = self._needed("recall", recall)

    def compute(self, state: Confusion) -> Array:
        """Returns the best precision over all batches seen, a scalar."""
        return _largest(state.precision(), state.recall(), self.recall)


@METRICS.register()
class RecallAtPrecision(_BestAt):
    """The best recall at thresholds with at least a given precision.

    If so much of what is found must be right: how much is found then.

    Args:
        precision: The share of what is found that is to be right, from 0 to 1.
        num_thresholds: How many thresholds to try between 0 and 1.
        class_id: The only class to look at; ``None`` for all.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels and predictions differ in
            shape.

    Example:
        >>> metric = RecallAtPrecision(0.8)
        >>> float(metric([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.5

    Source: ``keras.metrics.RecallAtPrecision``.
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(num_thresholds, class_id, name, dtype)
        self.precision: float = self._needed("precision", precision)

    def compute(self, state: Confusion) -> Array:
        """Returns the best recall over all batches seen, a scalar."""
        return _largest(state.recall(), state.precision(), self.precision)
