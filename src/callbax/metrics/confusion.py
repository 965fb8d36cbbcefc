"""How many predictions are right and wrong."""

from jax.typing import DTypeLike

from callbax._core._types import Array
from callbax.metrics._confusion import Confusion
from callbax.metrics._confusion_metric import ThresholdMetric
from callbax.metrics._lookup import METRICS
from callbax.metrics._thresholds import ThresholdsLike


class _Count(ThresholdMetric):
    def __init__(
        self,
        thresholds: ThresholdsLike | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(thresholds, 0.5, None, None, name, dtype)


@METRICS.register()
class TruePositives(_Count):
    """How many predictions above a threshold have the label 1.

    For two classes, and for labels of which several may hold at once.

    Args:
        thresholds: Predictions above it are positive; a list gives one number for each; ``None``
            for 0.5.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: A threshold is not a number from 0 to 1; at the call: labels and predictions
            differ in shape.

    Example:
        >>> float(TruePositives()([0, 1, 1, 1], [0.9, 0.1, 0.8, 0.7]))
        2.0

    Differs from Keras: the direction is known; higher is better.

    Source: ``keras.metrics.TruePositives``.
    """

    direction: str | None = "up"

    def compute(self, state: Confusion) -> Array:
        """Returns the number over all batches seen, or one for each threshold."""
        return self._one_or_all(state.tp)


@METRICS.register()
class TrueNegatives(_Count):
    """How many predictions up to a threshold have the label 0.

    For two classes, and for labels of which several may hold at once.

    Args:
        thresholds: Predictions above it are positive; a list gives one number for each; ``None``
            for 0.5.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: A threshold is not a number from 0 to 1; at the call: labels and predictions
            differ in shape.

    Example:
        >>> float(TrueNegatives()([0, 0, 1, 1], [0.1, 0.9, 0.8, 0.7]))
        1.0

    Differs from Keras: the direction is known; higher is better.

    Source: ``keras.metrics.TrueNegatives``.
    """

    direction: str | None = "up"

    def compute(self, state: Confusion) -> Array:
        """Returns the number over all batches seen, or one for each threshold."""
        return self._one_or_all(state.tn)


@METRICS.register()
class FalsePositives(_Count):
    """How many predictions above a threshold have the label 0.

    For two classes, and for labels of which several may hold at once.

    Args:
        thresholds: Predictions above it are positive; a list gives one number for each; ``None``
            for 0.5.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: A threshold is not a number from 0 to 1; at the call: labels and predictions
            differ in shape.

    Example:
        >>> float(FalsePositives()([0, 0, 1, 1], [0.1, 0.9, 0.8, 0.7]))
        1.0

    Differs from Keras: the direction is known; lower is better.

    Source: ``keras.metrics.FalsePositives``.
    """

    direction: str | None = "down"

    def compute(self, state: Confusion) -> Array:
        """Returns the number over all batches seen, or one for each threshold."""
        return self._one_or_all(state.fp)


@METRICS.register()
class FalseNegatives(_Count):
    """How many predictions up to a threshold have the label 1.

    For two classes, and for labels of which several may hold at once.

    Args:
        thresholds: Predictions above it are positive; a list gives one number for each; ``None``
            for 0.5.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: A threshold is not a number from 0 to 1; at the call: labels and predictions
            differ in shape.

    Example:
        >>> float(FalseNegatives()([0, 1, 1, 1], [0.9, 0.1, 0.8, 0.7]))
        1.0

    Differs from Keras: the direction is known; lower is better.

    Source: ``keras.metrics.FalseNegatives``.
    """

    direction: str | None = "down"

    def compute(self, state: Confusion) -> Array:
        """Returns the number over all batches seen, or one for each threshold."""
        return self._one_or_all(state.fn)
