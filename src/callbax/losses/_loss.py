"""The base class of losses, and how it reduces the values of a batch to one."""

from collections.abc import Mapping
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from callbax._core._config import config_of
from callbax._core._errors import closest, describe, explain
from callbax._core._naming import auto_name
from callbax._core._types import Array, ArrayLike
from callbax.losses._functions import returned
from callbax.losses._shapes import align_weights, masked_weights, same_rank, weighted

MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
REDUCTIONS = (*MEANS, "sum", "none")


class Loss:
    """Measures how wrong predictions are.

    Subclass it for a loss of your own: override `call` and return one value per sample. It runs
    inside a compiled step, so it must be written in ``jax.numpy``.

    Args:
        name: Its name; by default the class's own.
        reduction: How the values of a batch become one: "sum_over_batch_size" and "mean" divide
            the sum by the number of values, "mean_with_sample_weight" by the sum of the weights;
            "sum" does not divide; "none" and ``None`` return the values as they are.
        dtype: Dtype of the computation; ``None`` for float32.

    Raises:
        ValueError: There is no such reduction.

    Example:
        >>> class Huberish(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return jnp.mean(jnp.minimum(jnp.abs(y_true - y_pred), 1.0), axis=-1)
        >>> float(Huberish()(jnp.zeros((2, 1)), jnp.array([[0.5], [9.0]])))
        0.75

    Source: ``keras.losses.Loss``.
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: DTypeLike | None = None,
    ) -> None:
        if reduction is not None and reduction not in REDUCTIONS:
            raise ValueError(
                explain(
                    f"{type(self).__name__}(reduction=...)",
                    expected=f"None or one of {', '.join(REDUCTIONS)}",
                    received=describe(reduction),
                    action=closest(reduction, REDUCTIONS),
                )
            )
        self.name: str = name or auto_name(type(self).__name__)
        self.reduction = reduction
        self.dtype: np.dtype[Any] = jnp.dtype(dtype or jnp.float32)

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Array:
        """Returns the loss of a batch.

        Args:
            y_true: Labels, samples first.
            y_pred: Predictions, samples first.
            sample_weight: One weight per sample, or per step of each sample.

        Returns:
            A scalar; one value per sample if the reduction is "none".

        Raises:
            ValueError: The shapes do not fit each other.

        Differs from Keras: weights of shape (batch,) weight whole samples whatever the rank of
        the values; Keras lines them up with the last axis.
        """
        y_true = jnp.asarray(y_true, self.dtype)
        y_pred = jnp.asarray(y_pred, self.dtype)
        values = jnp.asarray(returned(self, self.call(y_true, y_pred)), self.dtype)
        weights = None if sample_weight is None else jnp.asarray(sample_weight, self.dtype)
        mask = self.mask(y_true, y_pred)
        if mask is not None:
            mask = mask.astype(self.dtype)
            if self.reduction in ("sum_over_batch_size", "mean"):
                # These divide by the number of all values; the factor makes it that of the valid.
                mask *= _divide_no_nan(jnp.asarray(float(mask.size)), jnp.sum(mask))
            weights = masked_weights(weights, mask)
        return _reduce(values, weights, self.reduction)

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """Returns one value per sample.

        Args:
            y_true: Labels, as arrays of the loss's dtype.
            y_pred: Predictions, likewise.

        Raises:
            NotImplementedError: The subclass does not override this method.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__}()(y_true, y_pred)",
                expected="a loss that overrides `call(self, y_true, y_pred)`",
                received="one that does not",
                action="Define `call` and return one value per sample.",
            )
        )

    def mask(self, y_true: Array, y_pred: Array) -> Array | None:
        """Returns which of the values of `call` count; ``None`` for all of them."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, from which `from_config` makes an equal loss."""
        return config_of(self, leave_out=("dtype",))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes a loss from what `get_config` returned.

        Args:
            config: The constructor's arguments by name.
        """
        return cls(**config)


def _reduce(values: Array, weights: Array | None, reduction: str | None) -> Array:
    if weights is not None:
        values, weights = same_rank(values, weights)
        values = weighted(values, align_weights(values, weights))
    if reduction in (None, "none") or not values.ndim:
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        return _divide_no_nan(total, jnp.sum(weights))
    return _divide_no_nan(total, jnp.asarray(values.size, total.dtype))


def _divide_no_nan(dividend: Array, divisor: Array) -> Array:
    """Divides; 0 if the divisor is 0."""
    return jnp.where(divisor == 0, 0, dividend / jnp.where(divisor == 0, 1, divisor))
