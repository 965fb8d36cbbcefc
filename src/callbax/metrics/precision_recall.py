"""Which share of what was found is right, and which share of what is right was found."""

from jax.typing import DTypeLike

from callbax._core._types import Array
from callbax.metrics._confusion import Confusion
from callbax.metrics._confusion_metric import BELOW_ALL, ThresholdMetric
from callbax.metrics._lookup import METRICS
from callbax.metrics._thresholds import ThresholdsLike


class _AtThresholds(ThresholdMetric):
    direction: str | None = "up"

    def __init__(
        self,
        thresholds: ThresholdsLike | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        default = 0.5 if top_k is None else BELOW_ALL
        super().__init__(thresholds, default, top_k, class_id, name, dtype)


@METRICS.register()
class Precision(_AtThresholds):
    """Which share of the predictions above a threshold have the label 1.

    If a false alarm is worse than a miss. 0 if there are no such predictions.

    Args:
        thresholds: Predictions above it are positive; a list gives one value for each; ``None``
            for 0.5, with ``top_k`` for none at all.
        top_k: How many of the largest predictions of a sample may be positive; ``None`` for all.
        class_id: The only class to look at; ``None`` for all.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels and predictions differ in
            shape, or have fewer classes than ``top_k`` or ``class_id`` ask for.

    Example:
        >>> round(float(Precision()([0, 1, 1, 1], [0.9, 0.1, 0.8, 0.7])), 4)
        0.6667

    Differs from Keras: in ``compile`` one threshold for each object; counts are exact beyond 2**24.

    Source: ``keras.metrics.Precision``.
    """

    def compute(self, state: Confusion) -> Array:
        """Returns the share over all batches seen, or one for each threshold."""
        return self._one_or_all(state.precision())


@METRICS.register()
class Recall(_AtThresholds):
    """Which share of what has the label 1 is predicted above a threshold.

    If a miss is worse than a false alarm. 0 if no label is 1.

    Args:
        thresholds: Predictions above it are positive; a list gives one value for each; ``None``
            for 0.5, with ``top_k`` for none at all.
        top_k: How many of the largest predictions of a sample may be positive; ``None`` for all.
        class_id: The only class to look at; ``None`` for all.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels and predictions differ in
            shape, or have fewer classes than ``top_k`` or ``class_id`` ask for.

    Example:
        >>> round(float(Recall()([0, 1, 1, 1], [0.9, 0.1, 0.8, 0.7])), 4)
        0.6667

    Differs from Keras: in ``compile`` one threshold for each object; counts are exact beyond 2**24.

    Source: ``keras.metrics.Recall``.
    """

    def compute(self, state: Confusion) -> Array:
        """Returns the share over all batches seen, or one for each threshold."""
        return self._one_or_all(state.recall())
