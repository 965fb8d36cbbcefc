"""How much predicted regions overlap the labelled ones."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import count, is_whole, number
from callbax._core._errors import describe, explain
from callbax._core._types import Array, ArrayLike
from callbax.losses._shapes import align_weights
from callbax.metrics._lookup import METRICS
from callbax.metrics._metric import Metric
from callbax.metrics._sum import ExactSum
from callbax.metrics._thresholds import EPSILON

_EMPTY = 1e-9
"""Classes with fewer labels and predictions than this are left out of the mean."""


@METRICS.register()
class IoU(Metric):
    """The mean over some classes of intersection over union.

    For segmentation: for each class, how many pixels have it both as label and prediction, among
    those that have it as either. Classes that neither has are left out.

    Args:
        num_classes: How many classes there are.
        target_class_ids: The classes to take the mean over.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.
        ignore_class: A label of pixels that do not count; ``None`` for none.
        sparse_y_true: Whether labels are class numbers; else one-hot.
        sparse_y_pred: Whether predictions are class numbers; else a score for each class.
        axis: The axis of the classes of what is not class numbers.

    Raises:
        ValueError: An argument is out of its range; at the call: there is not one prediction for
            each label.

    Example:
        >>> round(float(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333

    Differs from Keras: weights that are not whole count as they are (Keras cuts them unless
    ``dtype`` is a float), and there may be one for each sample.

    Source: ``keras.metrics.IoU``.
    """

    direction: str | None = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        where = type(self).__name__
        super().__init__(name, dtype)
        self.num_classes: int = count(where, "num_classes", num_classes)
        self.target_class_ids: list[int] = _classes(where, target_class_ids, self.num_classes)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis

    def empty(self) -> ExactSum:
        """Returns the numbers of pixels before any batch, by label and prediction."""
        kept = self.dtype if self.dtype.kind not in "iu" else jnp.dtype("float32")
        return ExactSum.empty(kept, (self.num_classes, self.num_classes))

    def update(
        self,
        state: ExactSum,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> ExactSum:
        """Returns the numbers after one more batch.

        Args:
            state: The numbers so far.
            y_true: Labels: class numbers, or one-hot.
            y_pred: Predictions: class numbers, or a score for each class.
            sample_weight: One weight per sample, or per pixel.
        """
        true, pred = self._numbers(jnp.asarray(y_true), jnp.asarray(y_pred))
        if true.size != pred.size:
            raise self._refusal(true, pred)
        given = 1 if sample_weight is None else sample_weight
        weights = jnp.asarray(given, state.high.dtype)
        if weights.size != true.size:
            weights = jnp.broadcast_to(align_weights(true, weights), true.shape)
        true, pred, weights = (jnp.reshape(part, -1) for part in (true, pred, weights))
        counts = (true >= 0) & (true < self.num_classes) & (pred >= 0) & (pred < self.num_classes)
        if self.ignore_class is not None:
            counts &= true != self.ignore_class
        places = jnp.where(counts, true, 0), jnp.where(counts, pred, 0)
        return state.add(jnp.zeros_like(state.high).at[places].add(jnp.where(counts, weights, 0)))

    def compute(self, state: ExactSum) -> Array:
        """Returns the mean over the classes that were seen, a scalar."""
        seen = state.value()
        chosen = jnp.asarray(self.target_class_ids)
        both = jnp.diag(seen)[chosen]
        either = jnp.sum(seen, 0)[chosen] + jnp.sum(seen, 1)[chosen] - both
        there = either > _EMPTY
        overlap = jnp.where(there, both / (either + EPSILON), 0)
        return jnp.sum(overlap) / (jnp.sum(there) + EPSILON)

    def _numbers(self, true: Array, pred: Array) -> tuple[Array, Array]:
        """Returns labels and predictions as class numbers."""
        true = true if self.sparse_y_true else jnp.argmax(true, self.axis)
        pred = pred if self.sparse_y_pred else jnp.argmax(pred, self.axis)
        return true.astype(jnp.int32), pred.astype(jnp.int32)

    def _refusal(self, true: Array, pred: Array) -> ValueError:
        return ValueError(
            explain(
                f"{type(self).__name__}(y_true, y_pred)",
                expected="one predicted class for each label",
                received=f"labels of shape {true.shape}, predictions of shape {pred.shape}",
                action="Scores for each class need `sparse_y_pred=False`, one-hot labels "
                "`sparse_y_true=False`.",
            )
        )


@METRICS.register()
class BinaryIoU(IoU):
    """The mean over two classes of intersection over union, predictions cut at a threshold.

    For segmentation into foreground and background.

    Args:
        target_class_ids: The classes to take the mean over: 1 is the foreground.
        threshold: Predictions of at least this are foreground.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: An argument is out of its range; at the call: there is not one prediction for
            each label.

    Example:
        >>> round(float(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
        0.3333

    Differs from Keras: as `IoU` does.

    Source: ``keras.metrics.BinaryIoU``.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold: float = number("BinaryIoU", "threshold", threshold)

    def _numbers(self, true: Array, pred: Array) -> tuple[Array, Array]:
        """Returns labels and predictions as class numbers."""
        return true.astype(jnp.int32), (pred >= self.threshold).astype(jnp.int32)


@METRICS.register()
class MeanIoU(IoU):
    """The mean over all classes of intersection over union.

    For segmentation into several classes. Classes that were not seen are left out.

    Args:
        num_classes: How many classes there are.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.
        ignore_class: A label of pixels that do not count; ``None`` for none.
        sparse_y_true: Whether labels are class numbers; else one-hot.
        sparse_y_pred: Whether predictions are class numbers; else a score for each class.
        axis: The axis of the classes of what is not class numbers.

    Raises:
        ValueError: An argument is out of its range; at the call: there is not one prediction for
            each label.

    Example:
        >>> round(float(MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333

    Differs from Keras: as `IoU` does.

    Source: ``keras.metrics.MeanIoU``.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(count(type(self).__name__, "num_classes", num_classes))
        super().__init__(
            num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )


@METRICS.register()
class OneHotIoU(IoU):
    """The mean over some classes of intersection over union, for one-hot labels.

    For segmentation with one-hot labels.

    Args:
        num_classes: How many classes there are.
        target_class_ids: The classes to take the mean over.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.
        ignore_class: A label of pixels that do not count; ``None`` for none.
        sparse_y_pred: Whether predictions are class numbers; else a score for each class.
        axis: The axis of the classes.

    Raises:
        ValueError: An argument is out of its range; at the call: there is not one prediction for
            each label.

    Example:
        >>> round(float(OneHotIoU(2, [0])([[1, 0], [1, 0]], [[0.9, 0.1], [0.2, 0.8]])), 4)
        0.5

    Differs from Keras: as `IoU` does.

    Source: ``keras.metrics.OneHotIoU``.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


@METRICS.register()
class OneHotMeanIoU(MeanIoU):
    """The mean over all classes of intersection over union, for one-hot labels.

    For segmentation with one-hot labels. Classes that were not seen are left out.

    Args:
        num_classes: How many classes there are.
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.
        ignore_class: A label of pixels that do not count; ``None`` for none.
        sparse_y_pred: Whether predictions are class numbers; else a score for each class.
        axis: The axis of the classes.

    Raises:
        ValueError: An argument is out of its range; at the call: there is not one prediction for
            each label.

    Example:
        >>> round(float(OneHotMeanIoU(2)([[1, 0], [1, 0]], [[0.9, 0.1], [0.2, 0.8]])), 4)
        0.25

    Differs from Keras: as `IoU` does.

    Source: ``keras.metrics.OneHotMeanIoU``.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)


def _classes(where: str, target_class_ids: Any, num_classes: int) -> list[int]:
    listed = list(target_class_ids) if hasattr(target_class_ids, "__iter__") else []
    if listed and all(is_whole(one) and 0 <= one < num_classes for one in listed):
        return [int(one) for one in listed]
    raise ValueError(
        explain(
            f"{where}(target_class_ids={target_class_ids!r})",
            expected=f"class numbers from 0 to {num_classes - 1}, at least one",
            received=describe(target_class_ids),
            action="Pass for example target_class_ids=[0].",
        )
    )
