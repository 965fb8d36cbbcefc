"""Crossentropies as metrics: losses to watch beside the one that is trained."""

import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import share
from callbax._core._types import Array, ArrayLike
from callbax.losses._shapes import masked_weights
from callbax.losses.binary import binary_crossentropy
from callbax.losses.categorical import categorical_crossentropy
from callbax.losses.sparse import sparse_categorical_crossentropy, valid_labels
from callbax.metrics._lookup import METRICS
from callbax.metrics._running_mean import RunningMean
from callbax.metrics._sample_mean import SampleMean


@METRICS.register("bce")
class BinaryCrossentropy(SampleMean):
    """Crossentropy between labels that are 0 or 1 and predicted probabilities.

    For two classes, and for labels of which several may hold at once.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.
        from_logits: Whether predictions are scores before a sigmoid.
        label_smoothing: How far labels are drawn towards 0.5, from 0 to 1.

    Example:
        >>> round(float(BinaryCrossentropy()([[1.0]], [[0.5]])), 4)
        0.6931

    Source: ``keras.metrics.BinaryCrossentropy``.
    """

    direction: str | None = "down"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.label_smoothing: float = share(
            "BinaryCrossentropy", "label_smoothing", label_smoothing, action="Pass for example 0.1."
        )

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing)


@METRICS.register()
class CategoricalCrossentropy(SampleMean):
    """Crossentropy between one-hot labels and a predicted distribution over classes.

    For classes that exclude each other, with one-hot or soft labels.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.
        from_logits: Whether predictions are scores before a softmax.
        label_smoothing: How far labels are drawn towards the uniform distribution, from 0 to 1.
        axis: The axis of the classes.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931

    Source: ``keras.metrics.CategoricalCrossentropy``.
    """

    direction: str | None = "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.label_smoothing: float = share(
            "CategoricalCrossentropy",
            "label_smoothing",
            label_smoothing,
            action="Pass for example 0.1.",
        )
        self.axis = axis

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


@METRICS.register()
class SparseCategoricalCrossentropy(SampleMean):
    """Crossentropy between class numbers and a predicted distribution over classes.

    For classes that exclude each other, with integer labels.

    Args:
        name: Its name in the logs.
        dtype: Dtype of the computation; ``None`` for float32.
        from_logits: Whether predictions are scores before a softmax.
        ignore_class: A class number whose value is 0; ``None`` for none. As in Keras, what is
            ignored still counts in the mean, unless there are sample weights.
        axis: The axis of the classes.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
        0.6931

    Source: ``keras.metrics.SparseCategoricalCrossentropy``.
    """

    direction: str | None = "down"

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Returns one value per sample."""
        return sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )

    def update(
        self,
        state: RunningMean,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> RunningMean:
        """Returns the state after one more batch; arguments as for every metric."""
        valid = valid_labels(y_true, jnp.asarray(y_pred), self.ignore_class, self.axis)
        if sample_weight is not None and valid is not None:
            weights = jnp.asarray(sample_weight, self.dtype)
            sample_weight = masked_weights(weights, valid.astype(self.dtype))
        return super().update(state, y_true, y_pred, sample_weight)
