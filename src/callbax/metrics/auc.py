"""The area under a curve of right and wrong predictions over all thresholds."""

from collections.abc import Sequence
from copy import copy
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import count, one_of, optional_count
from callbax._core._errors import describe, explain
from callbax._core._types import Array, ArrayLike, Shape
from callbax.metrics._area import CURVES, SUMMATIONS, area
from callbax.metrics._confusion import Confusion, confusion, flat_confusion, ratio
from callbax.metrics._confusion_metric import paired
from callbax.metrics._lookup import METRICS
from callbax.metrics._metric import Metric
from callbax.metrics._thresholds import Thresholds, parse


@METRICS.register()
class AUC(Metric):
    """The area under the ROC, the precision-recall or the precision-recall-gain curve.

    How well predictions rank positives before negatives, whatever the threshold: 1 is perfect; 0.5
    is chance under the ROC curve. Choose ``curve="PR"`` if positives are rare.

    Args:
        num_thresholds: At how many thresholds between 0 and 1 the curve is known. The more, the
            nearer to the exact area.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: Between two thresholds: "interpolation" takes the middle (for "PR",
            interpolates the counts), "minoring" the lower, "majoring" the upper value.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.
        thresholds: Thresholds of your own between 0 and 1, in place of ``num_thresholds``; the two
            ends are added.
        multi_label: Whether each label has a curve of its own, and the mean area counts; else all
            labels share one curve.
        num_labels: How many labels there are, with ``multi_label``; by default as many as the
            predictions say.
        label_weights: A weight for each label.
        from_logits: Whether predictions are scores before a sigmoid.

    Raises:
        ValueError: An argument is out of its range; at the call: labels, predictions and label
            weights differ in shape.

    Example:
        >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.75

    Differs from Keras: label weights that do not fit are refused; curves and summation methods are
    found in any case.

    Source: ``keras.metrics.AUC``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: DTypeLike | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | ArrayLike | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        upper = curve.upper() if isinstance(curve, str) else curve
        lower = summation_method.lower() if isinstance(summation_method, str) else summation_method
        self.curve: str = one_of("AUC", "curve", upper, CURVES)
        self.summation_method: str = one_of("AUC", "summation_method", lower, SUMMATIONS)
        self._between = None if thresholds is None else tuple(sorted(parse("AUC", thresholds)))
        if self._between is None:
            self.num_thresholds: int = count("AUC", "num_thresholds", num_thresholds, least=2)
        else:
            self.num_thresholds = len(self._between) + 2
        self._thresholds = Thresholds.spread(self.num_thresholds, between=self._between)
        self.multi_label = multi_label
        self.num_labels: int | None = optional_count("AUC", "num_labels", num_labels)
        if num_labels is not None and not multi_label:
            raise _refusal("num_labels", "`multi_label=True` with it", "`multi_label=False`")
        self.label_weights: list[float] | None = _weights(label_weights)
        self.from_logits = from_logits
        self._width = self.num_labels or 1

    @property
    def thresholds(self) -> list[float]:
        """Predictions above one of them are positive at it."""
        return list(self._thresholds.values)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; thresholds if they were passed."""
        config = super().get_config()
        del config["thresholds"]
        own = {} if self._between is None else {"thresholds": list(self._between)}
        return {**config, **own}

    def shaped(self, y_true_shape: Shape, y_pred_shape: Shape) -> Self:
        """Returns the metric for as many labels as the predictions have."""
        if not self.multi_label or self.num_labels is not None:
            return self
        made = copy(self)
        vars(made)["_width"] = y_pred_shape[-1] or 1
        return made

    def empty(self) -> Confusion:
        """Returns the numbers at each threshold before any batch."""
        rows = self.num_thresholds
        return Confusion.empty(self.dtype, (rows, self._width) if self.multi_label else (rows,))

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
            y_true: Labels, 0 or 1, samples first; of shape (samples, labels) with ``multi_label``.
            y_pred: Probabilities of the same shape; scores with ``from_logits``.
            sample_weight: One weight per sample, or per step of each sample.
        """
        if self.from_logits:
            y_pred = jax.nn.sigmoid(jnp.asarray(y_pred))
        labels, predictions, weights = paired("AUC", y_true, y_pred, sample_weight, self.dtype)
        self._need_labels(labels)
        if self.multi_label:
            return state.add(confusion(labels, predictions, weights, self._thresholds))
        if self.label_weights is not None:
            weights = weights * jnp.asarray(self.label_weights, self.dtype)
        return state.add(flat_confusion(labels, predictions, weights, self._thresholds))

    def compute(self, state: Confusion) -> Array:
        """Returns the area over all batches seen, a scalar."""
        areas = area(state, self.curve, self.summation_method)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return jnp.mean(areas)
        weights = jnp.asarray(self.label_weights, areas.dtype)
        return ratio(jnp.sum(areas * weights), jnp.sum(weights))

    def _need_labels(self, labels: Array) -> None:
        shape = labels.shape
        width = self.num_labels
        if self.multi_label and (len(shape) != 2 or width not in (None, shape[-1])):
            expected = f"predictions of shape (samples, {width or 'labels'})"
            raise _refusal("multi_label", expected, f"predictions of shape {shape}")
        weights = self.label_weights
        if weights is not None and shape[-1] != len(weights):
            expected = f"as many weights as labels, {shape[-1]}"
            raise _refusal("label_weights", expected, f"{len(weights)} weights")


def _weights(weights: Sequence[float] | ArrayLike | None) -> list[float] | None:
    if weights is None:
        return None
    listed = jnp.asarray(weights)
    if listed.ndim != 1 or not bool(jnp.all(listed >= 0)):
        raise _refusal("label_weights", "numbers of 0 or more, one for each label", _said(weights))
    return [float(weight) for weight in listed]


def _said(weights: object) -> str:
    return repr(weights) if isinstance(weights, list | tuple) else describe(weights)


def _refusal(argument: str, expected: str, received: str) -> ValueError:
    return ValueError(
        explain(
            f"AUC({argument}=...)",
            expected=expected,
            received=received,
            action="`multi_label=True` takes labels and predictions of shape (samples, labels).",
        )
    )
