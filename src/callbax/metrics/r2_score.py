"""How much of the variation of numbers a model accounts for."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import count
from callbax._core._errors import describe, explain
from callbax._core._types import Array, ArrayLike
from callbax.metrics._columns import ColumnMetric, columns
from callbax.metrics._confusion import ratio
from callbax.metrics._lookup import METRICS
from callbax.metrics._sum import ExactSum

AGGREGATIONS = ("uniform_average", "variance_weighted_average", None)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Spread:
    """Weights, mean and squared distances of the labels and residuals so far, for each column.

    Source: T. Chan, G. Golub, R. LeVeque, Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances, 1979.
    """

    weight: ExactSum
    mean: ExactSum
    distances: ExactSum
    residuals: ExactSum
    size: ExactSum

    def add(self, true: Array, pred: Array, weights: Array) -> "Spread":
        """Returns the numbers with one more batch in them, arrays of shape (samples, columns)."""
        weight, before = jnp.sum(weights, 0), self.weight.value()
        near = ratio(jnp.sum(true * weights, 0), weight)
        rest = ratio(jnp.sum((true - near) * weights, 0), weight)  # the mean less what is rounded
        distances = jnp.sum(jnp.square(true - near) * weights, 0) - jnp.square(rest) * weight
        share = ratio(weight, before + weight)
        steps = near - self.mean.high, rest - self.mean.low
        return Spread(
            self.weight.add(weight),
            self.mean.add(steps[0] * share).add(steps[1] * share),
            self.distances.add(distances).add(jnp.square(sum(steps)) * before * share),
            self.residuals.add(jnp.sum(jnp.square(true - pred) * weights, 0)),
            self.size.add(true.size),
        )

    def scores(self) -> tuple[Array, Array]:
        """Returns the score and the squared distances of each column."""
        weight = self.weight.value()
        mean = self.mean.value()
        eps = float(jnp.finfo(mean.dtype).eps)  # type: ignore[no-untyped-call]
        rounding = jnp.square(eps * mean) * weight
        distances = self.distances.value()
        distances = jnp.where(distances <= rounding, 0, distances)  # labels that are all the same
        distances = jnp.where(weight == 0, jnp.nan, distances)  # no labels: no score
        scores = 1 - self.residuals.value() / distances
        return jnp.where(jnp.isinf(scores), 0, scores), distances


@METRICS.register()
class R2Score(ColumnMetric):
    """The coefficient of determination: 1 less the residuals' share of the labels' variation.

    For a regression: 1 is perfect, 0 no better than the labels' mean, and below 0 worse.

    Args:
        class_aggregation: Over columns: "uniform_average" takes the mean,
            "variance_weighted_average" weighs them by the variation of their labels, ``None`` gives
            one score per column.
        num_regressors: The number of independent variables, for the adjusted score; 0 for the
            plain one. If there are too few samples for it, the plain one is given.
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: labels or predictions are not of
            shape (samples, columns).

    Example:
        >>> round(float(R2Score()([[1], [4], [3]], [[2], [4], [4]])), 4)
        0.5714

    Differs from Keras: labels far from 0 lose nothing (Keras takes the difference of two large
    float32 numbers); ``num_regressors`` works inside ``fit``, without a warning about few samples.

    Source: ``keras.metrics.R2Score``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.class_aggregation = _aggregation(class_aggregation)
        self.num_regressors: int = count("R2Score", "num_regressors", num_regressors, least=0)

    def empty(self) -> Spread:
        """Returns the numbers before any batch."""
        shape = () if self._width is None else (self._width,)
        weight, mean, distances, residuals = (ExactSum.empty(self.dtype, shape) for _ in range(4))
        return Spread(weight, mean, distances, residuals, size=ExactSum.empty(self.dtype))

    def update(
        self,
        state: Spread,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Spread:
        """Returns the numbers after one more batch.

        Args:
            state: The numbers so far.
            y_true: Labels of shape (samples, columns).
            y_pred: Predictions of the same shape.
            sample_weight: One weight per sample.
        """
        true, pred, weights = columns(self, y_true, y_pred, sample_weight)
        return state.add(true, pred, jnp.broadcast_to(weights, true.shape))

    def compute(self, state: Spread) -> Array:
        """Returns the score over all batches seen, or one for each column."""
        scores, distances = state.scores()
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = jnp.sum(distances * scores) / jnp.sum(distances)
        if not self.num_regressors:
            return scores
        size, regressors = state.size.value(), self.num_regressors
        freedom = size - regressors - 1
        enough = freedom > 0
        adjusted = 1 - (1 - scores) * (size - 1) / jnp.where(enough, freedom, 1)
        return jnp.where(enough, adjusted, scores)


def _aggregation(aggregation: Any) -> str | None:
    if aggregation in AGGREGATIONS:
        found: str | None = aggregation
        return found
    raise ValueError(
        explain(
            f"R2Score(class_aggregation={aggregation!r})",
            expected='"uniform_average", "variance_weighted_average" or None',
            received=describe(aggregation),
            action="None gives one score per column.",
        )
    )
