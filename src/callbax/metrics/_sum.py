"""A sum that keeps what single numbers would lose."""

from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Float

from callbax._core._types import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ExactSum:
    """A sum as the number nearest to it and what that number misses.

    A float32 alone loses a part of every number that is added, and all of a 1 from 2**24 on; with
    what is missing beside it, a sum is exact to about 48 bits.

    Example:
        >>> total = ExactSum(jnp.float32(2**24), jnp.float32(0))
        >>> float(total.add(1.0).add(1.0).value()) - 2**24
        2.0

    Source: D. Knuth, The Art of Computer Programming, volume 2, 4.2.2, theorem B.
    """

    high: Float[Array, "..."]
    low: Float[Array, "..."]

    @classmethod
    def empty(cls, dtype: DTypeLike = jnp.float32, shape: tuple[int, ...] = ()) -> Self:
        """Returns the sum of nothing; with a shape, one sum for each place of it."""
        return cls(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype))

    def add(self, number: Any) -> "ExactSum":
        """Returns the sum with one more number in it."""
        number = jnp.asarray(number, self.high.dtype)
        total, missed = _add(self.high, number)
        return ExactSum(*_add(total, self.low + missed))

    def value(self) -> Float[Array, "..."]:
        """Returns the number nearest to the sum."""
        return self.high


def _add(first: Array, second: Array) -> tuple[Array, Array]:
    """Returns a sum as it is rounded, and what rounding took away."""
    total = first + second
    share = total - first
    missed = (first - (total - share)) + (second - share)
    # Infinity misses nothing, and the differences would be NaN.
    return total, jnp.where(jnp.isfinite(total), missed, 0)
