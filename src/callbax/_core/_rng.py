"""Where default seeds come from: one stream for each purpose."""

import random

import numpy as np

from callbax._core._keras import loaded_keras

# As global as Python's own generator, beside which these streams stand.
_roots: list[int] = []
_streams: dict[str, random.Random] = {}


def start_streams(seed: int) -> None:
    """Starts the named streams at a seed (``utils.set_random_seed``)."""
    _roots[:] = [seed]
    _streams.clear()


def is_seeded() -> bool:
    """Returns whether somebody has chosen the seed of the streams."""
    return bool(_roots)


def seed_generators(seed: int) -> None:
    """Seeds every global generator that callbax draws from, and Keras's if it was imported."""
    if (keras := loaded_keras()) is not None:
        keras.utils.set_random_seed(seed)
    start_streams(seed)
    random.seed(seed)
    np.random.seed(seed)


class SeedSource:
    """Draws seeds from a stream of its own, so that no other draw changes them.

    Keras draws every default seed from Python's ``random`` module, one for each initializer or
    dropout layer when it is made. The stream "weights" does so too, and gives the same initial
    weights as Keras after the same ``set_random_seed`` (source: ``keras.random.SeedGenerator``).
    The stream "numpy" draws from NumPy's global generator, as Keras does for orders of data, so
    that ``keras.utils.set_random_seed`` counts. Every other stream leaves both alone.

    Args:
        seed: Start of generators of its own; None shares those that ``set_random_seed`` starts.
        stream: What the seeds are for: "weights", "shuffle"...

    Example:
        >>> SeedSource(7).draw() == SeedSource(7).draw() != SeedSource(7, "shuffle").draw()
        True
    """

    def __init__(self, seed: int | None = None, stream: str = "weights") -> None:
        self._stream = stream
        self._own = None if seed is None else random.Random(f"{stream} {seed}")

    def draw(self) -> int:
        """Returns the next seed, between 1 and 10**9."""
        if self._own is not None:
            return self._own.randint(1, 10**9)
        if self._stream == "weights":
            return random.randint(1, 10**9)
        if self._stream == "numpy":
            return int(np.random.randint(1, 10**9))
        if self._stream not in _streams:
            start = f"{self._stream} {_roots[0]}" if _roots else None
            _streams[self._stream] = random.Random(start)
        return _streams[self._stream].randint(1, 10**9)
