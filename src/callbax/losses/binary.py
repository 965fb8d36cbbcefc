"""Crossentropy of yes-or-no labels."""

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import share
from callbax._core._types import Array, ArrayLike
from callbax.losses._lookup import LOSSES
from callbax.losses._loss import Loss
from callbax.losses._shapes import require_same_shape, same_rank

EPSILON = 1e-7
"""Probabilities keep this far from 0 and 1 (``keras.config.epsilon()``)."""

# The class first, its function after it: both go by one name in snake case, which means the
# function.


@LOSSES.register(as_snake_case=False)
class BinaryCrossentropy(Loss):
    """Crossentropy between labels that are 0 or 1 and predicted probabilities.

    For two classes, and for labels of which several may hold at once.

    Args:
        from_logits: Whether predictions are scores before a sigmoid. More exact than
            probabilities.
        label_smoothing: How far labels are drawn towards 0.5, from 0 to 1.
        axis: The axis over which the mean is taken.
        reduction: How the values of a batch become one; see `Loss`.
        name: Its name.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: At the call: labels and predictions differ in shape.

    Example:
        >>> loss = BinaryCrossentropy(from_logits=True)
        >>> round(float(loss([[1.0], [0.0]], [[0.0], [0.0]])), 4)
        0.6931

    Source: ``keras.losses.BinaryCrossentropy``.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing: float = share(
            "BinaryCrossentropy", "label_smoothing", label_smoothing, action="Pass for example 0.1."
        )
        self.axis = axis

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """Returns one value per sample."""
        return binary_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


@LOSSES.register("bce")
def binary_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """Returns the mean over an axis of the crossentropy of yes-or-no labels.

    The function behind `BinaryCrossentropy`.

    Args:
        y_true: Labels, 0 or 1.
        y_pred: Predictions of the same shape, probabilities or scores.
        from_logits: Whether predictions are scores before a sigmoid.
        label_smoothing: How far labels are drawn towards 0.5, from 0 to 1.
        axis: The axis over which the mean is taken.

    Returns:
        Array without that axis.

    Raises:
        ValueError: Labels and predictions differ in shape.

    Example:
        >>> binary_crossentropy([[1.0]], [[1.0]]).round(4).tolist()
        [0.0]

    Differs from Keras: a missing last axis of length 1 is added, as `BinaryCrossentropy` does.

    Source: ``keras.losses.binary_crossentropy``.
    """
    y_pred = jnp.asarray(y_pred)
    y_true, y_pred = same_rank(jnp.asarray(y_true, y_pred.dtype), y_pred)
    require_same_shape(
        "binary_crossentropy",
        y_true,
        y_pred,
        hint='For one label out of many classes use "sparse_categorical_crossentropy".',
    )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        log_yes, log_no = jax.nn.log_sigmoid(y_pred), jax.nn.log_sigmoid(-y_pred)
    else:
        y_pred = jnp.clip(y_pred, EPSILON, 1.0 - EPSILON)
        log_yes, log_no = jnp.log(y_pred), jnp.log(1.0 - y_pred)
    return jnp.mean(-(y_true * log_yes + (1.0 - y_true) * log_no), axis=axis)
