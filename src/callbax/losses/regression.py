"""Losses for numbers."""

import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._types import Array, ArrayLike
from callbax.losses._lookup import LOSSES
from callbax.losses._loss import Loss
from callbax.losses._shapes import require_same_shape, same_rank

# A class first, its function after it: both go by one name in snake case, which means the function.


@LOSSES.register(as_snake_case=False)
class MeanSquaredError(Loss):
    """The mean of the squared differences between labels and predictions.

    The usual loss of a regression; large errors weigh more than in `MeanAbsoluteError`.

    Args:
        reduction: How the values of a batch become one; see `Loss`.
        name: Its name.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: At the call: labels and predictions differ in shape.

    Example:
        >>> float(MeanSquaredError()([[0.0], [2.0]], [[0.0], [0.0]]))
        2.0

    Differs from Keras: shapes that differ are refused, where Keras may broadcast them.

    Source: ``keras.losses.MeanSquaredError``.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """Returns one value per sample."""
        return mean_squared_error(y_true, y_pred)


@LOSSES.register("mse")
def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Returns the mean over the last axis of the squared differences.

    The function behind `MeanSquaredError`.

    Args:
        y_true: Labels.
        y_pred: Predictions of the same shape.

    Returns:
        Array without the last axis.

    Raises:
        ValueError: Labels and predictions differ in shape.

    Example:
        >>> mean_squared_error([[0.0, 2.0]], [[0.0, 0.0]]).tolist()
        [2.0]

    Source: ``keras.losses.mean_squared_error``.
    """
    difference = _difference("mean_squared_error", y_true, y_pred)
    return jnp.mean(jnp.square(difference), axis=-1)


@LOSSES.register(as_snake_case=False)
class MeanAbsoluteError(Loss):
    """The mean of the absolute differences between labels and predictions.

    For a regression with outliers, which it weighs less than `MeanSquaredError`.

    Args:
        reduction: How the values of a batch become one; see `Loss`.
        name: Its name.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: At the call: labels and predictions differ in shape.

    Example:
        >>> float(MeanAbsoluteError()([[0.0], [2.0]], [[0.0], [0.0]]))
        1.0

    Differs from Keras: shapes that differ are refused, where Keras may broadcast them.

    Source: ``keras.losses.MeanAbsoluteError``.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """Returns one value per sample."""
        return mean_absolute_error(y_true, y_pred)


@LOSSES.register("mae")
def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Returns the mean over the last axis of the absolute differences.

    The function behind `MeanAbsoluteError`.

    Args:
        y_true: Labels.
        y_pred: Predictions of the same shape.

    Returns:
        Array without the last axis.

    Raises:
        ValueError: Labels and predictions differ in shape.

    Example:
        >>> mean_absolute_error([[0.0, 2.0]], [[0.0, 0.0]]).tolist()
        [1.0]

    Source: ``keras.losses.mean_absolute_error``.
    """
    return jnp.mean(jnp.abs(_difference("mean_absolute_error", y_true, y_pred)), axis=-1)


def _difference(where: str, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    y_pred = jnp.asarray(y_pred)
    y_true, y_pred = same_rank(jnp.asarray(y_true, y_pred.dtype), y_pred)
    require_same_shape(where, y_true, y_pred)
    return y_true - y_pred
