"""A weighted mean over batches, as a value."""

from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from callbax._core._types import Array, ArrayLike
from callbax.losses._shapes import align_weights, same_rank, weighted
from callbax.metrics._sum import ExactSum


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RunningMean:
    """The sum of the values seen and the sum of their weights, however many there are.

    Example:
        >>> float(RunningMean.empty().add(jnp.array([1.0, 2.0])).add(6.0).value())
        3.0

    Differs from Keras: the sums are exact; Keras's are single float32 numbers, which lose a part of
    every batch.

    Attributes:
        sums: The sum of the values and the sum of their weights, shape (2,). They are added to as
            one array, which takes half the kernels of two numbers.

    Source: ``reduce_to_samplewise_values`` and ``Mean`` in Keras.
    """

    sums: ExactSum

    @classmethod
    def empty(cls, dtype: DTypeLike = jnp.float32) -> Self:
        """Returns the mean of nothing, which reads 0."""
        return cls(ExactSum.empty(dtype, (2,)))

    def add(self, values: ArrayLike | Any, weights: ArrayLike | None = None) -> "RunningMean":
        """Returns the mean with more values in it.

        Args:
            values: One value for each sample; the mean of what belongs to a sample if there
                are more.
            weights: One weight for each sample, or for each step of each sample.
        """
        dtype = self.sums.high.dtype
        values = jnp.asarray(values, dtype)
        if weights is None:
            count: Array | int = values.shape[0] if values.ndim else 1
        else:
            values, scale = same_rank(values, jnp.asarray(weights, dtype))
            values = _mean_from(values, scale.ndim)
            scale = jnp.broadcast_to(align_weights(values, scale), values.shape)
            values = weighted(values, scale)
            count = jnp.sum(_mean_from(scale, 1))
        total = jnp.sum(_mean_from(values, 1))
        return RunningMean(self.sums.add(jnp.stack([total, jnp.asarray(count, dtype)])))

    def value(self) -> Float[Array, ""]:
        """Returns the mean, 0 if there is nothing to divide by."""
        total, count = self.sums.value()
        return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))


def _mean_from(values: Array, axis: int) -> Array:
    """Takes the mean over this axis and all behind it."""
    return jnp.mean(values, tuple(range(axis, values.ndim))) if values.ndim > axis else values
