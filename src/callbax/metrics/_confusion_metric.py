"""What the metrics share that count right and wrong predictions at thresholds."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import optional_count
from callbax._core._errors import explain
from callbax._core._types import Array, ArrayLike
from callbax.losses._shapes import align_weights, require_same_shape, same_rank
from callbax.metrics._confusion import Confusion, flat_confusion
from callbax.metrics._metric import Metric
from callbax.metrics._thresholds import Thresholds, ThresholdsLike, parse

BELOW_ALL = -1e10
"""What predictions outside of the best k become."""


class ConfusionMetric(Metric):
    """A metric made of the numbers of right and wrong predictions; subclasses say of which.

    Args:
        thresholds: Where predictions are cut.
        top_k: How many of the largest predictions of a sample may be positive; None for all.
        class_id: The only class to look at; None for all.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.
    """

    def __init__(
        self,
        thresholds: Thresholds,
        top_k: int | None,
        class_id: int | None,
        name: str | None,
        dtype: DTypeLike | None,
    ) -> None:
        super().__init__(name, dtype)
        self._thresholds = thresholds
        where = type(self).__name__
        self.top_k: int | None = optional_count(where, "top_k", top_k)
        self.class_id: int | None = optional_count(where, "class_id", class_id, least=0)

    def empty(self) -> Confusion:
        """Returns the numbers before any batch."""
        return Confusion.empty(self.dtype, (len(self._thresholds.values),))

    def update(
        self,
        state: Confusion,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Confusion:
        """Returns the numbers after one more batch.

        Args:
            state: The numbers so far.
            y_true: Labels, 0 or 1, samples first.
            y_pred: Probabilities of the same shape.
            sample_weight: One weight per sample, or per step of each sample.
        """
        where = type(self).__name__
        labels, predictions, weights = paired(where, y_true, y_pred, sample_weight, self.dtype)
        if self.top_k is not None:
            predictions = self._best(predictions)
        if (only := self.class_id) is not None:
            self._need_classes("class_id", only + 1, predictions)
            labels, predictions, weights = (p[..., only] for p in (labels, predictions, weights))
        return state.add(flat_confusion(labels, predictions, weights, self._thresholds))

    def _best(self, predictions: Array) -> Array:
        """Puts all but the largest k predictions of each sample below every threshold."""
        k = self.top_k or 0
        self._need_classes("top_k", k, predictions)
        _, best = jax.lax.top_k(predictions, k)
        among = jnp.sum(jax.nn.one_hot(best, predictions.shape[-1]), -2) > 0
        return jnp.where(among, predictions, jnp.asarray(BELOW_ALL, predictions.dtype))

    def _need_classes(self, argument: str, least: int, predictions: Array) -> None:
        if predictions.ndim > 1 and predictions.shape[-1] >= least:
            return
        where = f"{type(self).__name__}({argument}={getattr(self, argument)})"
        raise ValueError(
            explain(
                where,
                expected=f"predictions of shape (samples, classes), {least} classes or more",
                received=f"predictions of shape {predictions.shape}",
                action=f"Leave `{argument}` out, or let the model have one output per class.",
            )
        )


class ThresholdMetric(ConfusionMetric):
    """A `ConfusionMetric` whose thresholds users name; one value for each.

    Args:
        thresholds: What the user passed; None for the default.
        default: The threshold to use then.
        top_k: As for `ConfusionMetric`.
        class_id: Likewise.
        name: Likewise.
        dtype: Likewise.
    """

    def __init__(
        self,
        thresholds: ThresholdsLike | None,
        default: float,
        top_k: int | None,
        class_id: int | None,
        name: str | None,
        dtype: DTypeLike | None,
    ) -> None:
        values = (default,) if thresholds is None else parse(type(self).__name__, thresholds)
        super().__init__(Thresholds.chosen(values), top_k, class_id, name, dtype)
        single = thresholds is None or not isinstance(thresholds, list | tuple)
        self.init_thresholds: float | list[float] | None = None
        if thresholds is not None:
            self.init_thresholds = values[0] if single and len(values) == 1 else list(values)

    @property
    def thresholds(self) -> list[float]:
        """Predictions above one of them are positive at it."""
        return list(self._thresholds.values)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, thresholds as they were passed."""
        return {**super().get_config(), "thresholds": self.init_thresholds}

    def _one_or_all(self, values: Array) -> Array:
        """Returns a number if there is one threshold, else one for each."""
        return values[0] if len(self._thresholds.values) == 1 else values


def paired(
    where: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None,
    dtype: DTypeLike,
) -> tuple[Array, Array, Array]:
    """Brings labels, predictions and weights to one shape; labels become zeros and ones.

    Args:
        where: The public class at fault if they do not fit.
        y_true: Labels; what is not 0 counts as 1.
        y_pred: Predictions.
        sample_weight: Weights, or None for ones.
        dtype: What all of them become.

    Raises:
        ValueError: The shapes do not fit.
    """
    labels, predictions = same_rank(jnp.asarray(y_true, dtype), jnp.asarray(y_pred, dtype))
    hint = "One class out of many needs one-hot labels: see `utils.to_categorical`."
    require_same_shape(where, labels, predictions, hint=hint)
    weights = jnp.ones((), dtype) if sample_weight is None else jnp.asarray(sample_weight, dtype)
    if weights.ndim == labels.ndim + 1 and weights.shape[-1] == 1:
        weights = jnp.squeeze(weights, -1)
    weights = jnp.broadcast_to(align_weights(labels, weights), labels.shape)
    return (labels != 0).astype(dtype), predictions, weights
