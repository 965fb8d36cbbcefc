"""Feeds of arrays: kept on the device, and picked from in shuffled order or read as they lie."""

import functools
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from callbax._core._types import PyTree
from callbax._data._data_identity import identity_of_arrays
from callbax._data._feed import Targets
from callbax._data._memory import aligned_empty
from callbax._data._placement import Placement, canonical
from callbax._data._select import Batches, Chunk
from callbax._data._worker import Worker

PIECE_BYTES = 16 * 2**20
"""How much of an array that is read in order is brought to the device at a time."""


@dataclass(frozen=True)
class Samples:
    """Arrays to be read in batches.

    Attributes:
        arrays: ``(x, y, sample_weight)``, leaves of shape (rows, ...).
        rows: Number of rows.
        batch_size: Samples in a batch; the last one of a pass may hold fewer.
        passes: How many there will be at most.
        placement: Where batches live.
        watched: Whether hooks might change the arrays once a feed is open; then all of them are
            read at that time.
        targets: The targets, as a user knows them.
    """

    arrays: PyTree
    rows: int
    batch_size: int
    passes: int
    placement: Placement
    watched: bool = False
    targets: Targets | None = None


class Resident:
    """What the feeds of arrays on the device have in common: nobody has to be told anything.

    Args:
        samples: What is read.
    """

    def __init__(self, samples: Samples) -> None:
        self.targets = samples.targets
        self._arrays, self._rows = samples.arrays, samples.rows
        self._placement, self._watched = samples.placement, samples.watched
        self._size = min(samples.batch_size, samples.rows)
        self.batches_per_pass: int | None = -(-samples.rows // self._size)

    def spec(self, step: int) -> PyTree:
        return batch_spec(self._arrays, self._size)

    def start_epoch(self, batches: int | None) -> None:
        """Nobody wants to know."""

    def end_epoch(self) -> None:
        """Nobody wants to know."""

    def skip_passes(self, passes: int) -> int:
        """Nothing to read: the step alone determines the order."""
        return 0

    def skip_readings(self, readings: int, batches: int) -> None:
        """Nothing to read: every reading is the same."""

    def keep_digests(self) -> None:
        """Nothing to tell: `identity` has said it."""

    def ready(self) -> bool:
        return True

    def release(
        self, unused: list[Chunk], offset: int, *, error: BaseException | None = None
    ) -> None:
        """Nothing is owed: arrays can always be read again."""

    def close(self) -> None:
        """Nothing to end."""


class ShuffledFeed(Resident):
    """Arrays that live on the device once the feed is open; a pass is a permutation of rows.

    Args:
        samples: What is read; no pass is prepared beyond the last.
        seed: Seed of the order.
    """

    def __init__(self, samples: Samples, seed: int) -> None:
        super().__init__(samples)
        self._seed, self._passes_left = seed, samples.passes
        self._parts = _full_and_rest(samples.rows, self._size)
        self._placed: PyTree = None
        self._chunks: list[Chunk] = []
        self._prepared: tuple[int | None, list[Chunk]] = None, []

    def identity(self) -> dict[str, str]:
        return identity_of_arrays(self._arrays, self._size, shuffle=True)

    def rows_of(self, step: int, batch: int) -> NDArray[Any] | None:
        return shuffled(self._rows, self._seed, step)[batch * self._size :][: self._size]

    def open(self) -> None:
        place = functools.partial(self._placement.place_samples, copy=self._watched)
        self._placed = jax.tree.map(place, self._arrays, self._arrays)

    def start_pass(self, step: int) -> None:
        self._prepare(step)
        self._chunks = self._prepared[1].copy()
        self._passes_left -= 1

    def prepare_pass(self, step: int) -> None:
        if self._passes_left > 0:
            self._prepare(step)

    def reseed(self, seed: int) -> None:
        self._seed, self._prepared = seed, (None, [])

    def next_chunk(self) -> Chunk | None:
        return self._chunks.pop(0) if self._chunks else None

    def _prepare(self, step: int) -> None:
        if self._prepared[0] != step:
            self._prepared = step, list(self._shuffled(step))

    def _shuffled(self, step: int) -> Iterator[Chunk]:
        order = shuffled(self._rows, self._seed, step)
        for first, count, size in self._parts:
            rows = self._placement.place_batch(order[first : first + count * size])
            yield Chunk(Batches(self._placed, rows, size), count)


class OrderedFeed(Resident):
    """Arrays read as they lie, brought to the device piece by piece.

    A piece is copied while the device works on the one before it, in a thread: a CPU runs small
    programs in the thread that dispatches them. If there are more passes to
    come the pieces are kept there; else the next ones take their place in memory, as memory that
    is new to a process costs more than what is copied into it.

    Args:
        samples: What is read.
    """

    def __init__(self, samples: Samples) -> None:
        super().__init__(samples)
        rows, arrays = samples.rows, samples.arrays
        self._keep = samples.passes > 1 or samples.watched
        full = rows // self._size
        bytes_per_batch = self._size * sum(a.nbytes // rows for a in jax.tree.leaves(arrays))
        self._capacity = max(1, min(full, PIECE_BYTES // max(1, bytes_per_batch)))
        self._pieces = [
            (first * self._size, min(self._capacity, full - first), self._size)
            for first in range(0, full, self._capacity)
        ]
        self._pieces += _full_and_rest(rows, self._size)[1:]
        self._kept: dict[int, Chunk] = {}
        self._next = 0
        self._worker: Worker[Chunk] = Worker("callbax-data")
        self._ahead: dict[int, Future[Chunk]] = {}

    def identity(self) -> dict[str, str]:
        return identity_of_arrays(self._arrays, self._size, shuffle=False)

    def rows_of(self, step: int, batch: int) -> NDArray[Any] | None:
        return np.arange(self._rows)[batch * self._size :][: self._size]

    def open(self) -> None:
        if self._watched and not self._kept:
            self._kept = dict(enumerate(self._make(*piece) for piece in self._pieces))

    def start_pass(self, step: int) -> None:
        self._next = 0

    def prepare_pass(self, step: int) -> None:
        """Nothing to prepare."""

    def reseed(self, seed: int) -> None:
        """Nothing is shuffled."""

    def next_chunk(self) -> Chunk | None:
        if self._next == len(self._pieces):
            return None
        number, self._next = self._next, self._next + 1
        chunk = self._kept.get(number) or self._made(number)
        if self._keep:
            self._kept[number] = chunk
        if self._next < len(self._pieces) and self._next not in self._kept:
            self._make_ahead(self._next)
        return chunk

    def close(self) -> None:
        self._worker.close()

    def _made(self, number: int) -> Chunk:
        ahead = self._ahead.pop(number, None)
        return self._make(*self._pieces[number]) if ahead is None else ahead.result()

    def _make_ahead(self, number: int) -> None:
        if number not in self._ahead and not isinstance(
            jax.tree.leaves(self._arrays)[0], jax.Array
        ):
            self._ahead[number] = self._worker.submit(lambda: self._make(*self._pieces[number]))

    def _make(self, first: int, count: int, size: int) -> Chunk:
        # All pieces of full batches have the same capacity, so that one program serves them.
        capacity = self._capacity if size == self._size else 1

        def stack(rows: Any) -> Any:
            part = rows[first : first + count * size]
            place = functools.partial(self._placement.place_samples, size=size)
            if count == capacity:
                return place(part, rows, copy=self._watched)
            full = self._filled_up(part, capacity * size)
            return place(full, full)

        return Chunk(Batches(jax.tree.map(stack, self._arrays), None, size), count)

    def _filled_up(self, samples: Any, count: int) -> Any:
        """Returns samples in an array with room for more, `count` in all."""
        shape = count, *samples.shape[1:]
        if isinstance(samples, jax.Array):
            return jnp.zeros(shape, samples.dtype).at[: len(samples)].set(samples)
        full = aligned_empty(shape, canonical(samples.dtype))
        full[: len(samples)] = samples
        return full


def batch_spec(arrays: PyTree, size: int) -> PyTree:
    """Returns the shapes and dtypes that a batch of arrays has on the device."""
    return jax.tree.map(
        lambda a: jax.ShapeDtypeStruct((size, *a.shape[1:]), canonical(a.dtype)), arrays
    )


def _full_and_rest(rows: int, batch_size: int) -> list[tuple[int, int, int]]:
    """Returns (first row, batches, samples in each) of the full batches and of the last one."""
    size = min(batch_size, rows)
    full, rest = divmod(rows, size)
    return [part for part in ((0, full, size), (full * size, 1, rest)) if part[2]]


def shuffled(rows: int, seed: int, step: int) -> NDArray[Any]:
    """Returns the order of a pass: a function of the seed and of the step at its start.

    Returns:
        A permutation, int32 of shape (rows,).

    Example:
        >>> (shuffled(5, seed=1, step=0) == shuffled(5, seed=1, step=0)).all().item()
        True
    """
    generator = np.random.Generator(np.random.Philox(key=[seed, step]))
    return generator.permutation(rows).astype(np.int32)
