"""Batches that come one by one: generators, data loaders, arrays too large for the device."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._data._arrays import count_rows
from callbax._data._class_weights import weigh
from callbax._data._epochs import Epochs
from callbax._data._feed import Targets
from callbax._data._host_batches import HostBatches
from callbax._data._kinds import is_steady
from callbax._data._leftovers import hand_back, take_back
from callbax._data._placement import Placement, canonical
from callbax._data._select import Batches, Chunk, HostBatch
from callbax._data._stack import Stack
from callbax._data._unpacking import Unpacking

STACK_SECONDS = 0.05
"""How long a stack waits for a slow source before it goes out with what it has."""


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
        self._class_weight = class_weight
        self._unpack = Unpacking(where, needs_targets=needs_targets)
        self._one_shot = isinstance(source, Iterator)
        self._epochs = Epochs(source, ends_first=where != "predict")
        self._iterator: Iterator[Any] | None = None
        self._waiting: deque[HostBatch] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="callbax-data")
        self._ahead: Future[Chunk | None] | None = None
        self._error: BaseException | None = None
        self._drawn = self._opened_at = 0
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
        restart: Callable[[int], Iterable[Any]] | None = getattr(self._source, "at_step", None)
        if self._opened:
            if restart is None or step == self._opened_at:
                return
            self._waiting.clear()  # a recorded run goes on elsewhere than `spec` has looked
        self._epochs.start(self._epochs.left)
        if self._one_shot:
            self._waiting.extend(take_back(self._source))
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
            self._iterator = iter(restart(step) if restart else self._source)
            self._drawn = self._opened_at = 0
        self._ended, self._opened, self._opened_at = False, True, step

    def reseed(self, seed: int) -> None:
        if isinstance(self._source, HostBatches):
            self._source.reseed(seed)

    def skip_passes(self, passes: int) -> None:
        if self._one_shot or is_steady(self._source):
            return
        for _ in range(passes):
            self._open(0)
            self._waiting.clear()
            for _ in self._iterator or ():
                pass
            self._epochs.end()
            self._opened = False

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
            hand_back(self._source, list(self._waiting))
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
        stack = Stack(first)
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
            batch = self._unpack(self._given(self._iterator), self._drawn)
        except StopIteration:
            self._iterator, self._ended = None, True
            return None
        except Exception as error:
            self._iterator, self._ended = None, True
            if not has_some:
                raise
            self._error = error
            return None
        self._drawn += 1
        if self._left is not None:
            self._left -= 1
        return batch

    def _given(self, iterator: Iterator[Any]) -> Any:
        """Returns what the source yields next."""
        try:
            return next(iterator)
        except StopIteration:
            raise
        except Exception as error:
            error.add_note(f"raised by the data source of `{self._where}` at batch {self._drawn}")
            raise
