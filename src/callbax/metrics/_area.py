"""Areas under curves that are known at some thresholds."""

import jax.numpy as jnp

from callbax._core._types import Array
from callbax.metrics._confusion import Confusion, ratio

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS = ("interpolation", "minoring", "majoring")


def area(counts: Confusion, curve: str, summation: str) -> Array:
    """Returns the area under a curve, one for each label if there are several.

    Args:
        counts: The numbers at each threshold, thresholds first and rising.
        curve: One of `CURVES`.
        summation: One of `SUMMATIONS`.

    Source: ``AUC.result`` in Keras.
    """
    if curve == "PR" and summation == "interpolation":
        return _between_counts(counts)
    x, y = _points(counts, curve)
    left, right = y[:-1], y[1:]
    heights = {
        "interpolation": (left + right) / 2,
        "minoring": jnp.minimum(left, right),
        "majoring": jnp.maximum(left, right),
    }[summation]
    return jnp.sum((x[:-1] - x[1:]) * heights, 0)


def _points(counts: Confusion, curve: str) -> tuple[Array, Array]:
    """Returns the curve's points; x falls as the threshold rises."""
    if curve == "ROC":
        return ratio(counts.fp, counts.fp + counts.tn), counts.recall()
    if curve == "PR":
        return counts.recall(), counts.precision()
    scale = ratio(counts.tp + counts.fn, counts.tn + counts.fp)
    found = counts.tp != 0
    recall_gain = jnp.where(found, 1 - scale * ratio(counts.fn, counts.tp), 0)
    precision_gain = jnp.where(found, 1 - scale * ratio(counts.fp, counts.tp), 1)
    return jnp.maximum(recall_gain, 0), precision_gain


def _between_counts(counts: Confusion) -> Array:
    """Returns the area under the precision-recall curve, true and false positives interpolated.

    Source: J. Davis, M. Goadrich, The Relationship Between Precision-Recall and ROC Curves, 2006.
    """
    tp, fp = counts.tp, counts.fp
    found = tp + fp
    right = tp[:-1] - tp[1:]
    slope = ratio(right, jnp.maximum(found[:-1] - found[1:], 0))
    intercept = tp[1:] - slope * found[1:]
    both = (found[:-1] > 0) & (found[1:] > 0)
    growth = jnp.where(both, ratio(found[:-1], jnp.maximum(found[1:], 0)), 1)
    positives = jnp.maximum(tp[1:] + counts.fn[1:], 0)
    return jnp.sum(ratio(slope * (right + intercept * jnp.log(growth)), positives), 0)
