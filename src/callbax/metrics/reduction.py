"""Means of values that are not labels and predictions."""

from jax.typing import DTypeLike

from callbax._core._types import Array, ArrayLike
from callbax.metrics._lookup import METRICS
from callbax.metrics._metric import Metric
from callbax.metrics._running_mean import RunningMean


@METRICS.register()
class Mean(Metric):
    """The weighted mean of values.

    For a running loss, or anything else that a training step computes.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Example:
        >>> mean = Mean()
        >>> mean.update_state(1.0, sample_weight=32)
        >>> float(mean(4.0, sample_weight=16))
        2.0

    Source: ``keras.metrics.Mean``.
    """

    def __init__(self, name: str | None = "mean", dtype: DTypeLike | None = None) -> None:
        super().__init__(name, dtype)

    def empty(self) -> RunningMean:
        """Returns the state before any value."""
        return RunningMean.empty(self.dtype)

    def update(
        self, state: RunningMean, values: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> RunningMean:
        """Returns the state with more values in it.

        Args:
            state: The state so far.
            values: A number, or one value per sample.
            sample_weight: A weight for it, or one per sample.
        """
        return state.add(values, sample_weight)

    def compute(self, state: RunningMean) -> Array:
        """Returns the mean over all values seen, a scalar."""
        return state.value()
