"""What the random initializers share: when a seed is drawn, and how it becomes a key."""

from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from callbax._core._config import config_of
from callbax._core._errors import describe, explain
from callbax._core._rng import SeedSource
from callbax._core._types import Array
from callbax.initializers._initializer import Initializer

Seed = int | SeedSource | None


class SeededInitializer(Initializer):
    """An initializer whose values follow from one integer, fixed when it is made.

    Args:
        seed: An integer below 2**32; a `SeedSource` to draw one from; or ``None`` to draw one
            from Python's ``random``, which ``set_random_seed`` controls.

    Raises:
        TypeError: The seed is not one of these.
        ValueError: The seed does not fit into 32 bits.
    """

    seed: int

    def __init__(self, seed: Seed = None) -> None:
        if seed is None or isinstance(seed, SeedSource):
            self._given_seed = None
            self.seed = (seed or SeedSource()).draw()
            return
        where = f"{type(self).__name__}(seed=...)"
        expected = "an integer from 0 to 2**32 - 1, or None"
        action = "Pass a Python integer, or leave the seed out."
        if not isinstance(seed, Integral):
            raise TypeError(
                explain(where, expected=expected, received=describe(seed), action=action)
            )
        if not 0 <= seed < 2**32:
            raise ValueError(explain(where, expected=expected, received=str(seed), action=action))
        self.seed = int(seed)
        self._given_seed = self.seed

    @property
    def key(self) -> Array:
        """The random key of this initializer, the same at every call."""
        # Keras's key: the seed and a zero, read as threefry whatever `jax_default_prng_impl` says.
        words = jnp.asarray(np.array([self.seed, 0], np.uint32))
        key: Array = jax.random.wrap_key_data(words, impl="threefry2x32")
        return key

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; a seed that was drawn counts as left out."""
        return {**config_of(self), "seed": self._given_seed}
