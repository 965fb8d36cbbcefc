"""Losses made of functions."""

from collections.abc import Callable
from typing import Any

from jax.typing import DTypeLike

from callbax._core._types import Array
from callbax.losses._functions import returned
from callbax.losses._loss import Loss
from callbax.losses._shapes import same_rank


class LossFunctionWrapper(Loss):
    """Makes a loss of any function of (y_true, y_pred).

    ``compile(loss=function)`` uses it; use it yourself to set a reduction, or arguments of the
    function.

    Args:
        fn: Function of (y_true, y_pred) that returns one value per sample.
        reduction: How the values of a batch become one; see `Loss`.
        name: Its name.
        dtype: Dtype of the computation; ``None`` for float32.
        **kwargs: Further arguments for every call of the function.

    Example:
        >>> def distance(y_true, y_pred, power):
        ...     return abs(y_true - y_pred) ** power
        >>> loss = LossFunctionWrapper(distance, reduction="sum", power=2)
        >>> float(loss([1.0, 2.0], [0.0, 0.0]))
        5.0

    Source: ``LossFunctionWrapper`` in Keras.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._arguments = kwargs

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """Calls the function, with labels and predictions at one rank if a 1 allows it."""
        y_true, y_pred = same_rank(y_true, y_pred)
        return returned(self.fn, self.fn(y_true, y_pred, **self._arguments))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; the function as it is."""
        return {**super().get_config(), "fn": self.fn, **self._arguments}
