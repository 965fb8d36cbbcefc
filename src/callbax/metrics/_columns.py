"""Labels and predictions as tables: samples in rows."""

from copy import copy
from typing import Self

import jax.numpy as jnp

from callbax._core._errors import explain
from callbax._core._types import Array, ArrayLike, Shape
from callbax.losses._shapes import align_weights, require_same_shape, same_rank
from callbax.metrics._metric import Metric


class ColumnMetric(Metric):
    """A metric that has a number for each column of the predictions."""

    _width: int | None = None

    def shaped(self, y_true_shape: Shape, y_pred_shape: Shape) -> Self:
        """Returns the metric for as many columns as the predictions have."""
        made = copy(self)
        vars(made)["_width"] = (y_pred_shape[-1] if len(y_pred_shape) > 1 else None) or 1
        return made


def columns(
    metric: Metric, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """Returns labels and predictions of shape (samples, columns), and weights that fit.

    Args:
        metric: The metric that needs them.
        y_true: Labels.
        y_pred: Predictions.
        sample_weight: Weights, or None for ones.

    Raises:
        ValueError: The shapes do not fit.
    """
    where, dtype = type(metric).__name__, metric.dtype
    true, pred = same_rank(jnp.asarray(y_true, dtype), jnp.asarray(y_pred, dtype))
    require_same_shape(where, true, pred)
    if pred.ndim != 2:
        raise ValueError(
            explain(
                f"{where}(y_true, y_pred)",
                expected="labels and predictions of shape (samples, columns)",
                received=f"y_true of shape {true.shape} and y_pred of shape {pred.shape}",
                action="Reshape them: `y[:, None]` for one column.",
            )
        )
    weights = jnp.ones((), dtype) if sample_weight is None else jnp.asarray(sample_weight, dtype)
    return true, pred, align_weights(pred, weights)
