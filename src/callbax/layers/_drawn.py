"""Initializers of a layer, their seeds drawn when it is made, as in Keras."""

from typing import Any

import jax.numpy as jnp

from callbax import initializers
from callbax._core._rng import SeedSource
from callbax._core._types import Array, InitializerLike
from callbax.layers._weight import Kept, Trained


class Drawn:
    """Makes the first values of a layer's weights.

    Args:
        **given: Name of a weight -> its initializer; seeds are drawn in this order. None is
            "glorot_uniform", its seed drawn when the weight is made, as in Keras.
    """

    def __init__(self, **given: InitializerLike | None) -> None:
        self._given = given
        self._made = {
            name: initializers.get(value, where=f"{name}_initializer={value!r}")
            for name, value in given.items()
        }

    def weight(
        self,
        name: str,
        shape: tuple[int, ...],
        seeds: SeedSource | None,
        *,
        trained: bool = True,
    ) -> Any:
        """Makes a weight.

        Args:
            name: Its name.
            shape: Its shape.
            seeds: Where seeds come from that the user left open; None for those that were drawn.
            trained: Whether gradients change it.
        """
        value = self.values(name, shape, seeds)
        return Trained(value) if trained else Kept(value)

    def values(self, name: str, shape: tuple[int, ...], seeds: SeedSource | None) -> Array:
        """Returns the first values of a weight, float32; see `weight`."""
        made, given = self._made[name], self._given[name]
        if seeds is not None or made is None:
            made = initializers.get("glorot_uniform" if given is None else given, seeds)
        values: Array = jnp.asarray(made(shape, jnp.float32))  # type: ignore[misc]
        return values
