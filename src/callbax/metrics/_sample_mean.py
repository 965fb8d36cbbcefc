"""What the metrics share that are the mean of one value per sample."""

from callbax._core._types import Array, ArrayLike
from callbax.metrics._metric import Metric
from callbax.metrics._running_mean import RunningMean


class SampleMean(Metric):
    """The weighted mean of a value per sample; subclasses say which value."""

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        self._refuse("values(self, y_true, y_pred)")

    def empty(self) -> RunningMean:
        """Returns the state before any batch."""
        return RunningMean.empty(self.dtype)

    def update(
        self,
        state: RunningMean,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> RunningMean:
        """Returns the state after one more batch.

        Args:
            state: The state so far.
            y_true: Labels, samples first.
            y_pred: Predictions, samples first.
            sample_weight: One weight per sample, or per step of each sample.
        """
        return state.add(self.values(y_true, y_pred), sample_weight)

    def compute(self, state: RunningMean) -> Array:
        """Returns the mean over all samples seen, a scalar."""
        return state.value()
