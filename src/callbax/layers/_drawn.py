"""Initializers of a layer, their seeds drawn when it is made, as in Keras."""

from typing import Any

import jax.numpy as jnp

from callbax import initializers
from callbax._core._rng import SeedSource
from callbax._core._types import InitializerLike
from callbax.layers._weight import Kept, Trained


class Drawn:
    """Makes the first values of a layer's weights.

    Args:
        **given: Name of a weight -> its initializer; seeds are drawn in this order.
    """

    def __init__(self, **given: InitializerLike) -> None:
        self._given = given
        self._made = {name: initializers.get(value) for name, value in given.items()}

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
        made: Any = self._made[name]
        if seeds is not None:
            made = initializers.get(self._given[name], seeds)
        value = made(shape, jnp.float32)
        return Trained(value) if trained else Kept(value)
