"""Metrics of numbers."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._types import Array, ArrayLike
from callbax.losses._shapes import require_same_shape, same_rank
from callbax.losses.regression import mean_absolute_error, mean_squared_error
from callbax.metrics._lookup import METRICS
from callbax.metrics._running_mean import RunningMean
from callbax.metrics._sample_mean import SampleMean
from callbax.metrics._thresholds import EPSILON


@METRICS.register("mse")
class MeanSquaredError(SampleMean):
    """The mean of the squared differences between labels and predictions.

    For a regression where large errors matter most.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Example:
        >>> float(MeanSquaredError()([[0.0], [2.0]], [[0.0], [0.0]]))
        2.0

    Source: ``keras.metrics.MeanSquaredError``.
    """

    direction: str | None = "down"

    def __init__(
        self,
        name: str | None = "mean_squared_error",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return mean_squared_error(y_true, y_pred)


@METRICS.register("mae")
class MeanAbsoluteError(SampleMean):
    """The mean of the absolute differences between labels and predictions.

    For a regression, in the unit of the labels.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Example:
        >>> float(MeanAbsoluteError()([[0.0], [2.0]], [[0.0], [0.0]]))
        1.0

    Source: ``keras.metrics.MeanAbsoluteError``.
    """

    direction: str | None = "down"

    def __init__(
        self,
        name: str | None = "mean_absolute_error",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return mean_absolute_error(y_true, y_pred)


@METRICS.register()
class RootMeanSquaredError(SampleMean):
    """The square root of the mean of the squared differences.

    For a regression where large errors matter most, in the unit of the labels.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Example:
        >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[2.0], [2.0]]))
        2.0

    Source: ``keras.metrics.RootMeanSquaredError``.
    """

    direction: str | None = "down"

    def __init__(
        self, name: str | None = "root_mean_squared_error", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(name, dtype)

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns the squared differences."""
        y_true, y_pred = same_rank(jnp.asarray(y_true, self.dtype), jnp.asarray(y_pred, self.dtype))
        require_same_shape("RootMeanSquaredError", y_true, y_pred)
        return jnp.square(y_pred - y_true)

    def compute(self, state: RunningMean) -> Array:
        """Returns the root of the mean over all samples seen, a scalar."""
        return jnp.sqrt(state.value())


@METRICS.register()
class CosineSimilarity(SampleMean):
    """The mean of the cosine of the angle between labels and predictions.

    For embeddings, of which only the direction counts: 1 is the same, 0 a right angle, -1 opposite.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.
        axis: The axis of the vectors.

    Raises:
        ValueError: At the call: labels and predictions differ in shape.

    Example:
        >>> metric = CosineSimilarity(axis=1)
        >>> round(float(metric([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]])), 4)
        0.5

    Differs from Keras: ``axis`` is in the config.

    Source: ``keras.metrics.CosineSimilarity``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        name: str | None = "cosine_similarity",
        dtype: DTypeLike | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per vector."""
        y_pred = jnp.asarray(y_pred)
        y_true, y_pred = same_rank(jnp.asarray(y_true, y_pred.dtype), y_pred)
        require_same_shape("CosineSimilarity", y_true, y_pred)
        return jnp.sum(_unit(y_true, self.axis) * _unit(y_pred, self.axis), self.axis)


def _unit(vectors: Array, axis: int) -> Array:
    """Returns vectors of length 1, or what Keras makes of those that are almost 0."""
    squared = jnp.sum(jnp.square(vectors), axis, keepdims=True)
    return vectors * jax.lax.rsqrt(jnp.maximum(squared, jnp.square(EPSILON)))
