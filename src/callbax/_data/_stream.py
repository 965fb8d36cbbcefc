"""Batches that come one by one: generators, data loaders, arrays too large for the device."""

import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._core._warnings import warn
from callbax._data._arrays import PARTS, argument, count_rows, to_arrays
from callbax._data._class_weights import weigh
from callbax._data._feed import Targets, shuffled
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

    A batch is copied when the source yields it, as many sources fill the same arrays again.

    Args:
        source: An iterable of batches: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.
        where: The public call, for errors.
        placement: Where batches live.
        budget: Batches that will be asked for at most: no more are drawn from a source that cannot
            be read again. None draws until it ends.
        batches_per_pass: Known length of a pass, if any.
        class_weight: Class number -> weight, if the samples are to be weighed so.
        needs_targets: Whether a batch without targets is an error.
        targets: The targets, as a user knows them, if they are arrays.
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
        needs_targets: bool = False,
        targets: Targets | None = None,
    ) -> None:
        self._source, self._where, self._left = source, where, budget
        self._placement = placement
        self.batches_per_pass = batches_per_pass
        self.targets = targets
        self._class_weight, self._needs_targets = class_weight, needs_targets
        self._one_shot = isinstance(source, Iterator)
        self._epochs = _Epochs(source, ends_first=where != "predict")
        self._iterator: Iterator[Any] | None = None
        self._waiting: deque[HostBatch] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="callbax-data")
        self._ahead: Future[Chunk | None] | None = None
        self._error: BaseException | None = None
        self._drawn = 0
        self._ended = self._opened = self._pausing = False

    def open(self) -> None:
        if isinstance(self._source, HostBatches):
            self._source.lock()

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
        self._keep(self._unweighed(batch))
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, canonical(a.dtype)), batch)

    def start_pass(self, step: int) -> None:
        self._open(step)
        self._opened = False
        self._draw_ahead()

    def prepare_pass(self, step: int) -> None:
        """Nothing to prepare."""

    def start_epoch(self, batches: int | None) -> None:
        self._epochs.start(batches)
        if self._pausing:
            self._pausing = False
            self._draw_ahead()

    def end_epoch(self) -> None:
        self._epochs.end()

    def _open(self, step: int) -> None:
        """Gets the iterator of a pass, unless `spec` has done so."""
        if self._opened:
            return
        self._epochs.start(self._epochs.left)
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
        self._ahead = None
        if chunk is not None:
            self._epochs.drawn(chunk.count)
            self._pausing = self._epochs.left == 0
            if not self._pausing:
                self._draw_ahead()
        return chunk

    def release(self, unused: list[Chunk], offset: int) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not ahead.cancel():
            try:
                chunk = ahead.result()
            except Exception as error:  # reported to whoever reads on
                self._error, chunk = error, None
            unused = [*unused, chunk] if chunk is not None else unused
        self._epochs.leave()
        self._pausing = False
        if not self._one_shot:  # it can be read again, so nothing drawn ahead is owed
            self._waiting.clear()
            return
        left = [batch for chunk in unused for batch in chunk.drawn][offset:]
        self._waiting.extendleft(reversed(left))

    def close(self) -> None:
        if self._one_shot:
            _hand_back(self._source, list(self._waiting))
        if isinstance(self._source, HostBatches):
            self._source.unlock()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _draw_ahead(self) -> None:
        self._ahead = self._thread.submit(self._draw)

    def _draw(self) -> Chunk | None:
        """Runs in the thread: takes batches of one shape until the stack is full."""
        first = self._take(has_some=False)
        if first is None:
            return None
        stack = _Stack(first)
        left = self._epochs.left
        room = stack.capacity if left is None else min(stack.capacity, left)
        deadline = time.monotonic() + STACK_SECONDS
        while len(stack) < room and time.monotonic() < deadline:
            batch = self._take(has_some=True)
            if batch is None:
                break
            if not stack.add(batch):
                self._keep(self._unweighed(batch))
                break
        size = count_rows(self._where, x=first[0])
        batches = Batches(stack.placed(self._placement), None, size)
        drawn = tuple(map(self._unweighed, stack.batches())) if self._one_shot else ()
        return Chunk(batches, len(stack), drawn)

    def _keep(self, batch: HostBatch) -> None:
        """Lets a batch wait for its turn; until then its arrays may be filled again."""
        copy = jax.tree.map(lambda a: a if isinstance(a, jax.Array) else np.array(a), batch)
        self._waiting.appendleft(copy)

    def _weighed(self, batch: HostBatch) -> HostBatch:
        x, y, sample_weight = batch
        return x, y, weigh(self._where, y, sample_weight, self._class_weight)

    def _unweighed(self, batch: HostBatch) -> HostBatch:
        return batch if self._class_weight is None else (*batch[:2], None)

    def _take(self, *, has_some: bool) -> HostBatch | None:
        """Takes one batch, weighed; a bad one is reported once those before it are used."""
        batch = self._waiting.popleft() if self._waiting else self._next(has_some=has_some)
        if batch is None:
            return None
        try:
            return self._weighed(batch)
        except ValueError:
            self._keep(batch)
            if not has_some:
                raise
            return None

    def _next(self, *, has_some: bool) -> HostBatch | None:
        """Draws one batch; a failing source is reported once those before it are used."""
        if self._error is not None and not has_some:
            error, self._error = self._error, None
            raise error
        if self._iterator is None or (self._one_shot and self._left == 0):
            return None
        try:
            batch = unpack(next(self._iterator), self._where, needs_targets=self._needs_targets)
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


class _Stack:
    """Batches of one shape, in arrays of fixed capacity, so that nothing is compiled again.

    Args:
        first: The first batch; like all others it is copied.

    Attributes:
        capacity: How many batches there is room for.
    """

    def __init__(self, first: HostBatch) -> None:
        leaves, structure = jax.tree.flatten(first)
        self._structure: Any = structure
        bytes_per_batch = sum(leaf.nbytes for leaf in leaves)
        self.capacity = max(1, min(STACK_BATCHES, STACK_BYTES // max(1, bytes_per_batch)))
        self._arrays = [
            aligned_empty((self.capacity, *leaf.shape), canonical(leaf.dtype)) for leaf in leaves
        ]
        self._count = 0
        self.add(first)

    def __len__(self) -> int:
        return self._count

    def add(self, batch: HostBatch) -> bool:
        """Copies a batch into the stack; returns False if it has other shapes or dtypes."""
        leaves, structure = jax.tree.flatten(batch)
        forms = [(leaf.shape, canonical(leaf.dtype)) for leaf in leaves]
        if structure != self._structure or forms != [(a.shape[1:], a.dtype) for a in self._arrays]:
            return False
        for array, leaf in zip(self._arrays, leaves, strict=True):
            array[self._count] = leaf
        self._count += 1
        return True

    def batches(self) -> Iterator[HostBatch]:
        """Yields the batches, as views of the stack."""
        for position in range(self._count):
            yield jax.tree.unflatten(self._structure, [array[position] for array in self._arrays])

    def placed(self, placement: Placement) -> PyTree:
        """Returns the arrays where steps expect them; a batch alone takes no room for others."""
        room = 1 if self._count == 1 else self.capacity
        leaves = [placement.place_batch(array[:room]) for array in self._arrays]
        return jax.tree.unflatten(self._structure, leaves)


class _Epochs:
    """Tells a source when epochs begin and end, if it asks for that as Keras's ``PyDataset`` does.

    Args:
        source: The source.
        ends_first: Whether it hears of an end before the first epoch, as Keras has it everywhere
            but in ``predict``.

    Attributes:
        left: Batches that may still be drawn in this epoch, as the next one's come after its end;
            None for any number.
    """

    def __init__(self, source: Any, *, ends_first: bool) -> None:
        self._ends_first = ends_first
        self._on_begin = getattr(source, "on_epoch_begin", None)
        self._on_end = getattr(source, "on_epoch_end", None)
        self._within = self._running = False
        self.left: int | None = None

    def start(self, batches: int | None) -> None:
        """Begins an epoch, or says how many batches are left of the one that is under way."""
        if self._on_begin is None and self._on_end is None:
            return
        self.left = batches
        if self._ends_first and not self._running and self._on_end is not None:
            self._on_end()
        if not self._within and self._on_begin is not None:
            self._on_begin()
        self._running = self._within = True

    def drawn(self, count: int) -> None:
        """Counts batches that were drawn."""
        if self.left is not None:
            self.left -= count

    def end(self) -> None:
        """Ends the epoch."""
        if self._within and self._on_end is not None:
            self._on_end()
        self._within = False

    def leave(self) -> None:
        """Ends the run."""
        self._within, self._running, self.left = False, False, None


class HostBatches:
    """Arrays too large for the device, as an iterable of batches gathered on the host.

    Args:
        arrays: ``(x, y, sample_weight)``, leaves of shape (rows, ...).
        rows: Number of rows.
        batch_size: Samples in a batch.
        seed: Seed of the order; None reads the rows as they lie.
        watched: Whether hooks might change the arrays while they are read.
    """

    def __init__(
        self, arrays: PyTree, rows: int, batch_size: int, seed: int | None, *, watched: bool = False
    ) -> None:
        self._arrays, self._rows, self._size, self._seed = arrays, rows, batch_size, seed
        self._watched = watched
        self._locked: list[NDArray[Any]] = []

    def lock(self) -> None:
        """Lets no hook write to the arrays while they are read: there is no room for a copy."""
        for leaf in jax.tree.leaves(self._arrays) if self._watched else ():
            array = leaf
            while isinstance(array, np.ndarray):
                if array.flags.writeable:
                    array.flags.writeable = False
                    self._locked.append(array)
                array = array.base

    def unlock(self) -> None:
        """Lets the arrays be written to as before."""
        while self._locked:  # what owns the memory first
            self._locked.pop().flags.writeable = True

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


def unpack(batch: Any, where: str, *, needs_targets: bool) -> HostBatch:
    """Returns what a source gave as ``(x, y, sample_weight)``, None for what is missing.

    Raises:
        ValueError: The batch has more parts or lacks one, differing lengths, or no rows.
    """
    parts = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
    if not 1 <= len(parts) <= 3 or parts[0] is None:
        raise ValueError(
            explain(
                where,
                expected="batches of the form x, (x, y) or (x, y, sample_weight)",
                received=f"a {describe(batch)}",
                action="Let the source yield a tuple of at most three parts.",
            )
        )
    given = (*parts, None, None)[:3]
    if needs_targets and given[1] is None:
        raise ValueError(
            explain(
                where,
                expected="batches of the form (x, y) or (x, y, sample_weight)",
                received=f"a {describe(batch)}",
                action="Let the source yield the targets, too: the loss needs them.",
            )
        )
    x, y, sample_weight = (
        to_arrays(part, argument(where, f"the batch's {name}"))
        for name, part in zip(PARTS, given, strict=True)
    )
    count_rows(where, x=x, y=y, sample_weight=sample_weight)
    return x, y, sample_weight


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
