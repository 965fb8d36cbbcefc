"""Metrics made of functions."""

from collections.abc import Callable
from typing import Any

from jax.typing import DTypeLike

from callbax._core._types import Array, ArrayLike
from callbax.losses._functions import returned
from callbax.losses._lookup import LOSSES
from callbax.losses._loss import Loss
from callbax.metrics._sample_mean import SampleMean


class MeanMetricWrapper(SampleMean):
    """Makes a metric of any function of (y_true, y_pred): the mean of its values over samples.

    ``compile(metrics=[function])`` uses it; use it yourself to set a name, or arguments of the
    function.

    Args:
        fn: Function of (y_true, y_pred) that returns one value per sample. Its attribute
            ``direction``, if it has one, becomes the metric's; a loss's is "down".
        name: Its name in the logs; by default the class's own.
        dtype: Dtype of the computation; ``None`` for float32.
        **kwargs: Further arguments for every call of the function.

    Example:
        >>> import numpy as np
        >>> def distance(y_true, y_pred, power):
        ...     return abs(y_true - y_pred) ** power
        >>> distance.direction = "down"
        >>> metric = MeanMetricWrapper(distance, name="distance", power=2)
        >>> float(metric(np.array([1.0, 2.0]), np.zeros(2))), metric.direction
        (2.5, 'down')

    Source: ``keras.metrics.MeanMetricWrapper``.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, dtype)
        self.fn = fn
        self.direction: str | None = getattr(fn, "direction", "down" if _is_loss(fn) else None)
        self._arguments = kwargs

    def values(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """Calls the function."""
        return returned(self.fn, self.fn(y_true, y_pred, **self._arguments))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; the function as it is."""
        return {**super().get_config(), "fn": self.fn, **self._arguments}


def _is_loss(fn: Callable[..., Any]) -> bool:
    return isinstance(fn, Loss) or any(LOSSES.lookup(name) is fn for name in LOSSES)
