"""Feeds: where the timeline gets its batches."""

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from callbax._core._types import PyTree
from callbax._data._select import Batches, Chunk


class Feed(Protocol):
    """A source of batches, read pass by pass.

    Attributes:
        batches_per_pass: Batches in one pass, or None where nobody knows before the end.
    """

    batches_per_pass: int | None

    def spec(self, step: int) -> PyTree:
        """Returns the shapes and dtypes of the first batch, ``(x, y, sample_weight)``.

        Args:
            step: As for `start_pass`, which follows and reads that batch again.
        """

    def start_pass(self, step: int) -> None:
        """Starts reading from the beginning.

        Args:
            step: Training steps taken so far; with the seed it determines a shuffled order.

        Raises:
            ValueError: The source can be read only once and was.
        """

    def ready(self) -> bool:
        """Says whether `next_chunk` would answer at once."""

    def next_chunk(self) -> Chunk | None:
        """Returns the next batches, or None at the end of the pass."""

    def release(self, unused: list[Chunk], offset: int) -> None:
        """Ends a reading; batches drawn and not used come first in the next one, if it goes on.

        Args:
            unused: Chunks not used up.
            offset: Batches of the first one that were used.
        """

    def close(self) -> None:
        """Ends all reading."""


class ArrayFeed:
    """Arrays that live on the device; a shuffled pass is a permutation of row numbers.

    Args:
        arrays: ``(x, y, sample_weight)``, leaves of shape (rows, ...).
        rows: Number of rows.
        batch_size: Samples in a batch; the last one of a pass may hold fewer.
        seed: Seed of the order; None reads the rows as they lie.
    """

    def __init__(self, arrays: PyTree, rows: int, batch_size: int, seed: int | None) -> None:
        self._rows, self._size = rows, min(batch_size, rows)
        self._full, self._rest = divmod(rows, self._size)
        self.batches_per_pass = self._full + bool(self._rest)
        self._seed = seed
        self._spec = jax.tree.map(
            lambda a: jax.ShapeDtypeStruct((self._size, *a.shape[1:]), canonical(a.dtype)), arrays
        )
        self._chunks: list[Chunk] = []
        if seed is None:
            self._stacks = [
                Chunk(Batches(self._stack(arrays, first, count, size), None, size), count)
                for first, count, size in self._parts()
            ]
        else:
            self._arrays = jax.device_put(arrays)

    def spec(self, step: int) -> PyTree:
        return self._spec

    def start_pass(self, step: int) -> None:
        if self._seed is None:
            self._chunks = list(self._stacks)
            return
        order = shuffled(self._rows, self._seed, step)
        self._chunks = [
            Chunk(
                Batches(self._arrays, jnp.asarray(order[first : first + count * size]), size), count
            )
            for first, count, size in self._parts()
        ]

    def ready(self) -> bool:
        return True

    def next_chunk(self) -> Chunk | None:
        return self._chunks.pop(0) if self._chunks else None

    def release(self, unused: list[Chunk], offset: int) -> None:
        """Nothing is owed: arrays can always be read again."""

    def close(self) -> None:
        """Nothing to end."""

    def _parts(self) -> list[tuple[int, int, int]]:
        """Returns (first row, batches, samples in each) of the full batches and of the rest."""
        parts = [(0, self._full, self._size), (self._full * self._size, 1, self._rest)]
        return [part for part in parts if part[2]]

    @staticmethod
    def _stack(arrays: PyTree, first: int, count: int, size: int) -> PyTree:
        def cut(rows: Any) -> Any:
            part = rows[first : first + count * size]
            return jax.device_put(part.reshape((count, size, *rows.shape[1:])))

        return jax.tree.map(cut, arrays)


def canonical(dtype: Any) -> Any:
    """Returns the dtype that an array has on the device: 64-bit integers become 32-bit ones."""
    return jax.dtypes.canonicalize_dtype(dtype)


def shuffled(rows: int, seed: int, step: int) -> np.ndarray:
    """Returns the order of a pass: a function of the seed and of the step at its start.

    Returns:
        A permutation, int32 of shape (rows,).

    Example:
        >>> (shuffled(5, seed=1, step=0) == shuffled(5, seed=1, step=0)).all().item()
        True
    """
    generator = np.random.Generator(np.random.Philox(key=[seed, step]))
    return generator.permutation(rows).astype(np.int32)
