"""Initializers that draw every value from one distribution."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._arguments import number
from callbax._core._types import Array
from callbax.initializers._lookup import INITIALIZERS
from callbax.initializers._seeded import Seed, SeededInitializer


@INITIALIZERS.register("normal")
class RandomNormal(SeededInitializer):
    """Draws from a normal distribution.

    Args:
        mean: Its mean.
        stddev: Its standard deviation.
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.

    Example:
        >>> RandomNormal(seed=1)((3, 2)).shape
        (3, 2)

    Source: ``keras.initializers.RandomNormal``.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean: float = number("RandomNormal", "mean", mean)
        self.stddev: float = number("RandomNormal", "stddev", stddev)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns the same values at every call with that shape."""
        sample = jax.random.normal(self.key, shape, dtype or jnp.float32)
        return sample * self.stddev + self.mean


@INITIALIZERS.register()
class TruncatedNormal(SeededInitializer):
    """Draws from a normal distribution, again where a value lies two deviations off the mean.

    Args:
        mean: Mean of the distribution.
        stddev: Its standard deviation before truncation.
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.

    Example:
        >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max() <= 2)
        True

    Source: ``keras.initializers.TruncatedNormal``.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean: float = number("TruncatedNormal", "mean", mean)
        self.stddev: float = number("TruncatedNormal", "stddev", stddev)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns the same values at every call with that shape."""
        sample = jax.random.truncated_normal(self.key, -2.0, 2.0, shape, dtype or jnp.float32)
        return sample * self.stddev + self.mean


@INITIALIZERS.register("uniform")
class RandomUniform(SeededInitializer):
    """Draws from a uniform distribution.

    Args:
        minval: Lower bound, included.
        maxval: Upper bound, excluded.
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.

    Example:
        >>> bool(abs(RandomUniform(seed=1)((1000,))).max() <= 0.05)
        True

    Source: ``keras.initializers.RandomUniform``.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.minval: float = number("RandomUniform", "minval", minval)
        self.maxval: float = number("RandomUniform", "maxval", maxval)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns the same values at every call with that shape."""
        return jax.random.uniform(
            self.key, shape, dtype or jnp.float32, minval=self.minval, maxval=self.maxval
        )


random_normal = RandomNormal
truncated_normal = TruncatedNormal
random_uniform = RandomUniform
