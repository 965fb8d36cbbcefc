"""Batches that come one by one: generators, data loaders, arrays too large for the device."""

import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._core._warnings import warn
from callbax._data._arrays import count_rows, to_arrays
from callbax._data._class_weights import weigh
from callbax._data._feed import shuffled
from callbax._data._placement import Placement, aligned_empty, canonical
from callbax._data._select import Batches, Chunk, HostBatch

STACK_BYTES = 64 * 2**20
"""Host memory that the batches stacked for one execution may take."""
STACK_BATCHES = 64
"""Batches stacked for one execution at most."""
STACK_SECONDS = 0.05
"""How long a stack waits for a slow source before it goes out with what it has."""

_handed_back: weakref.WeakKeyDictionary[Any, deque[HostBatch]] = weakref.WeakKeyDictionary()
"""Batches drawn ahead from an iterator and not used: the next reader gets them first."""


class StreamFeed:
    """Stacks batches on the host, in a thread that stays one stack ahead.

    Args:
        source: An iterable of batches: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.
        where: The public call, for errors.
        placement: Where batches live.
        budget: Batches that will be asked for at most: no more are drawn from a source that cannot
            be read again. None draws until it ends.
        batches_per_pass: Known length of a pass, if any.
        class_weight: Class number -> weight, if the samples are to be weighed so.
    """

    def __init__(
        self,
        source: Any,
        where: str,
        *,
        placement: Placement,
        budget: int | None = None,
        batches_per_pass: int | None = None,
        class_weight: Mapping[int, float] | None = None,
    ) -> None:
        self._source, self._where, self._left = source, where, budget
        self._placement = placement
        self.batches_per_pass = batches_per_pass
        self._class_weight = class_weight
        self._one_shot = isinstance(source, Iterator)
        self._iterator: Iterator[Any] | None = None
        self._waiting: deque[HostBatch] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="callbax-data")
        self._ahead: Future[Chunk | None] | None = None
        self._error: BaseException | None = None
        self._drawn = 0
        self._ended = self._opened = False

    def open(self) -> None:
        """Nothing is kept."""

    def spec(self, step: int) -> PyTree:
        self._open(step)
        batch = self._take(has_some=False)
        if batch is None:
            raise ValueError(
                explain(
                    self._where,
                    expected="at least one batch",
                    received=f"{describe(self._source)} that ended at once",
                    action="Check how the data was loaded or split.",
                )
            )
        self._waiting.appendleft(batch)
        return jax.tree.map(
            lambda a: jax.ShapeDtypeStruct(a.shape, canonical(a.dtype)), self._weighed(batch)
        )

    def start_pass(self, step: int) -> None:
        self._open(step)
        self._opened = False
        self._ahead = self._thread.submit(self._draw)

    def prepare_pass(self, step: int) -> None:
        """Nothing to prepare."""

    def _open(self, step: int) -> None:
        """Gets the iterator of a pass, unless `spec` has done so."""
        if self._opened:
            return
        if self._one_shot:
            self._waiting.extend(_take_back(self._source))
            if self._ended and not self._waiting:
                raise ValueError(
                    explain(
                        self._where,
                        expected="a source with batches for every epoch",
                        received=f"a generator that was used up after {self._drawn} batches",
                        action="Pass `steps_per_epoch` and a generator that continues, or an "
                        "object whose `__iter__` starts again.",
                    )
                )
            self._iterator = self._source
        else:
            restart: Callable[[int], Iterable[Any]] | None = getattr(self._source, "at_step", None)
            self._iterator = iter(restart(step) if restart else self._source)
        self._ended, self._opened = False, True

    def reseed(self, seed: int) -> None:
        if isinstance(self._source, HostBatches):
            self._source.reseed(seed)

    def ready(self) -> bool:
        return self._ahead is None or self._ahead.done()

    def next_chunk(self) -> Chunk | None:
        if self._ahead is None:
            return None
        chunk = self._ahead.result()
        self._ahead = None if chunk is None else self._thread.submit(self._draw)
        return chunk

    def release(self, unused: list[Chunk], offset: int) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not ahead.cancel():
            try:
                chunk = ahead.result()
            except Exception as error:  # reported to whoever reads on
                self._error, chunk = error, None
            unused = [*unused, chunk] if chunk is not None else unused
        if not self._one_shot:  # it can be read again, so nothing drawn ahead is owed
            self._waiting.clear()
            return
        left = [batch for chunk in unused for batch in chunk.drawn][offset:]
        self._waiting.extendleft(reversed(left))

    def close(self) -> None:
        if self._one_shot:
            _hand_back(self._source, list(self._waiting))
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _draw(self) -> Chunk | None:
        """Runs in the thread: takes batches of one shape until the stack is full."""
        stack: list[HostBatch] = []
        capacity = STACK_BATCHES
        deadline = time.monotonic() + STACK_SECONDS
        while len(stack) < capacity and (not stack or time.monotonic() < deadline):
            batch = self._take(has_some=bool(stack))
            if batch is None:
                break
            if stack and _shapes(batch) != _shapes(stack[0]):
                self._waiting.appendleft(batch)
                break
            if not stack:
                bytes_per_batch = sum(leaf.nbytes for leaf in jax.tree.leaves(batch))
                capacity = max(1, min(STACK_BATCHES, STACK_BYTES // max(1, bytes_per_batch)))
            stack.append(batch)
        if not stack:
            return None
        drawn = tuple(stack) if self._one_shot else ()
        room = 1 if len(stack) == 1 else capacity
        weighed = [self._weighed(batch) for batch in stack]
        return Chunk(self._stacked(weighed, room), len(stack), drawn)

    def _stacked(self, stack: list[HostBatch], capacity: int) -> Batches:
        """Places batches in a stack of fixed capacity, so that nothing is compiled again."""
        size = count_rows(self._where, x=stack[0][0])

        def pile(*leaves: Any) -> Any:
            pile = aligned_empty((capacity, *leaves[0].shape), canonical(leaves[0].dtype))
            for position, leaf in enumerate(leaves):
                pile[position] = leaf
            return self._placement.place_batch(pile)

        return Batches(jax.tree.map(pile, *stack), None, size)

    def _weighed(self, batch: HostBatch) -> HostBatch:
        x, y, sample_weight = batch
        return x, y, weigh(self._where, y, sample_weight, self._class_weight)

    def _take(self, *, has_some: bool) -> HostBatch | None:
        """Draws one batch; a failing source is reported once those before it are used."""
        if self._waiting:
            return self._waiting.popleft()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if self._iterator is None or (self._one_shot and self._left == 0):
            return None
        try:
            batch = unpack(next(self._iterator), self._where)
        except StopIteration:
            self._iterator, self._ended = None, True
            return None
        except Exception as error:
            error.add_note(f"raised by the data source of `{self._where}` at batch {self._drawn}")
            self._iterator, self._ended = None, True
            if not has_some:
                raise
            self._error = error
            return None
        self._drawn += 1
        if self._left is not None:
            self._left -= 1
        return batch


class HostBatches:
    """Arrays too large for the device, as an iterable of batches gathered on the host.

    Args:
        arrays: ``(x, y, sample_weight)``, leaves of shape (rows, ...).
        rows: Number of rows.
        batch_size: Samples in a batch.
        seed: Seed of the order; None reads the rows as they lie.
    """

    def __init__(self, arrays: PyTree, rows: int, batch_size: int, seed: int | None) -> None:
        self._arrays, self._rows, self._size, self._seed = arrays, rows, batch_size, seed

    def reseed(self, seed: int) -> None:
        if self._seed is not None:
            self._seed = seed

    def at_step(self, step: int) -> Iterator[HostBatch]:
        order = (
            np.arange(self._rows) if self._seed is None else shuffled(self._rows, self._seed, step)
        )
        for first in range(0, self._rows, self._size):
            picked = order[first : first + self._size]
            yield jax.tree.map(lambda rows, picked=picked: np.asarray(rows[picked]), self._arrays)

    def __iter__(self) -> Iterator[HostBatch]:
        return self.at_step(0)


def unpack(batch: Any, where: str) -> HostBatch:
    """Returns what a source gave as ``(x, y, sample_weight)``, None for what is missing.

    Raises:
        ValueError: The batch has more parts, differing lengths, or no rows.
    """
    parts = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(
            explain(
                where,
                expected="batches of the form x, (x, y) or (x, y, sample_weight)",
                received=f"a {describe(batch)}",
                action="Let the source yield a tuple of at most three parts.",
            )
        )
    x, y, sample_weight = (to_arrays(part, where) for part in (*parts, None, None)[:3])
    count_rows(where, x=x, y=y, sample_weight=sample_weight)
    return x, y, sample_weight


def _shapes(batch: HostBatch) -> Any:
    return jax.tree.structure(batch), [(a.shape, a.dtype) for a in jax.tree.leaves(batch)]


def _take_back(source: Any) -> deque[HostBatch]:
    try:
        return _handed_back.pop(source, deque())
    except TypeError:  # an iterator that takes no weak references never hands anything back
        return deque()


def _hand_back(source: Any, batches: list[HostBatch]) -> None:
    if not batches:
        return
    try:
        _handed_back[source] = deque(batches)
    except TypeError:
        warn(
            f"{len(batches)} batches were drawn ahead from {describe(source)} and not used; as it "
            "takes no weak references they are lost. Give its class a `__weakref__` slot, or pass "
            "`steps_per_epoch`."
        )
