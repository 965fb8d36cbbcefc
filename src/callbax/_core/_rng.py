"""Where default seeds come from."""

import random


class SeedSource:
    """Draws seeds: from Python's own generator, or from one started at a given seed.

    Keras draws every default seed from Python's ``random`` module, one per initializer or dropout
    layer in the order in which they are needed. Drawing alike gives the same initial weights as
    Keras after the same ``set_random_seed`` (source: ``keras.random.SeedGenerator``).

    Args:
        seed: Start of a generator of its own; ``None`` shares Python's.

    Example:
        >>> SeedSource(7).draw() == SeedSource(7).draw()
        True
    """

    def __init__(self, seed: int | None = None) -> None:
        self._generator = random if seed is None else random.Random(seed)

    def draw(self) -> int:
        """Returns the next seed, between 1 and 10**9."""
        return self._generator.randint(1, 10**9)
