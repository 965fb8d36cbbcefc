"""Batches that come one by one: generators, data loaders, arrays too large for the device."""

import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import describe, explain
from callbax._core._interrupts import INTERRUPTS
from callbax._core._types import PyTree
from callbax._data._array_feeds import batch_spec
from callbax._data._arrays import count_rows
from callbax._data._class_weights import weigh
from callbax._data._epochs import Epochs
from callbax._data._feed import Targets
from callbax._data._host_batches import HostBatches
from callbax._data._kinds import is_steady
from callbax._data._leftovers import hand_back, take_back
from callbax._data._placement import Placement, canonical
from callbax._data._select import Batches, Chunk, HostBatch
from callbax._data._shares import Share, Shares
from callbax._data._stack import Stack
from callbax._data._unpacking import Unpacking
from callbax._data._worker import Worker

PATIENCE_SECONDS = 1.0
"""How long a run that was interrupted waits for a batch that is being drawn, not to lose it."""
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
        # What the processes agree by if each reads its own share.
        self._shares: Shares | None = None
        if placement.agreement is not None and not isinstance(source, HostBatches):
            self._shares = Shares(placement, where)
        self.batches_per_pass = batches_per_pass
        self.targets = targets
        self._class_weight = class_weight
        self._unpack = Unpacking(where, needs_targets=needs_targets)
        self._one_shot = isinstance(source, Iterator)
        self._epochs = Epochs(source, ends_first=where != "predict")
        self._iterator: Iterator[Any] | None = None
        self._waiting: deque[HostBatch] = deque()
        self._worker: Worker[Chunk | None] = Worker("callbax-data")
        self._ahead: Future[Chunk | None] | None = None
        self._error: BaseException | None = None
        self._drawn = 0
        self._opened_at: int | None = None
        self._ended = self._opened = self._pausing = False
        self._digest: int | None = None  # of the batches drawn of this pass, if it is kept

    def identity(self) -> dict[str, str]:
        if isinstance(self._source, HostBatches):
            return self._source.identity()
        batches = self.batches_per_pass
        return {"x": f"a {type(self._source).__name__}, batches: {batches or 'unknown'}"}

    def rows_of(self, step: int, batch: int) -> NDArray[Any] | None:
        if isinstance(self._source, HostBatches):
            return self._source.rows_of(step, batch)
        return None

    def keep_digests(self) -> None:
        self._digest = None if isinstance(self._source, HostBatches) else 0

    def open(self) -> None:
        if isinstance(self._source, HostBatches):
            self._source.lock()

    def spec(self, step: int) -> PyTree:
        with INTERRUPTS.waiting():
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
        size = count_rows(self._where, x=batch[0])
        if self._shares is not None:
            size = self._shares.first(size)
        return batch_spec(batch, size)

    def start_pass(self, step: int) -> None:
        self._open(step)
        self._opened = False
        self._digest = None if self._digest is None else 0
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
            self._drawn = 0
        self._ended, self._opened, self._opened_at = False, True, step

    def reseed(self, seed: int) -> None:
        if isinstance(self._source, HostBatches):
            self._source.reseed(seed)
            self._opened_at = None  # what `spec` has looked at may lie elsewhere

    def skip_passes(self, passes: int) -> int:
        if self._one_shot or is_steady(self._source):
            return 0
        digest = 0
        for left in reversed(range(passes)):
            self._open(0)
            if left == 0 and self._digest is not None:
                digest = self._skip(None)
            elif self._iterator is not None:
                self._waiting.clear()
                deque(self._iterator, maxlen=0)
            self._epochs.end()
            self._opened = False
        return digest

    def skip_readings(self, readings: int, batches: int) -> None:
        if self._one_shot:
            self._open(0)
            self._skip(batches)
            return
        for _ in range(0 if is_steady(self._source) else readings):
            self._open(0)
            self._skip(batches // readings)
            self._waiting.clear()
            self._epochs.end()
            self._opened = False

    def _skip(self, batches: int | None) -> int:
        """Takes batches that nobody wants, None for all; returns their checksum."""
        digest, taken = 0, 0
        while taken != batches and (batch := self._take(has_some=False)) is not None:
            digest, taken = _digest(batch, digest), taken + 1
        return digest

    def ready(self) -> bool:
        together = self._placement.agreement is not None  # what is ready here may not be elsewhere
        return together or self._ahead is None or self._ahead.done()

    def next_chunk(self) -> Chunk | None:
        if self._ahead is None:
            return None
        with INTERRUPTS.waiting():
            chunk = self._ahead.result()
        self._ahead = None
        if chunk is not None:
            self._epochs.drawn(chunk.count)
            self._pausing = self._epochs.left == 0
            if not self._pausing:
                self._draw_ahead()
        return chunk

    def release(
        self, unused: list[Chunk], offset: int, *, error: BaseException | None = None
    ) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not ahead.cancel():
            chunk = self._drawn_by_now(ahead, error)
            unused = [*unused, chunk] if chunk is not None else unused
        self._epochs.leave()
        self._pausing = False
        if not self._one_shot:  # it can be read again, so nothing drawn ahead is owed
            self._waiting.clear()
            return
        left = [batch for chunk in unused for batch in chunk.drawn][offset:]
        self._waiting.extendleft(reversed(left))

    def _drawn_by_now(
        self, ahead: Future[Chunk | None], error: BaseException | None
    ) -> Chunk | None:
        """Returns what is being drawn; who has interrupted the run does not wait for it long."""
        hasty = isinstance(error, KeyboardInterrupt | SystemExit)
        try:
            return ahead.result(PATIENCE_SECONDS if hasty else None)
        except Exception as failure:
            if error is None or ahead.done():
                self._error = failure  # reported to whoever reads on
            else:
                error.add_note(
                    f"The data source of `{self._where}` is still at work on its next batch, "
                    "which is lost."
                )
            return None

    def close(self) -> None:
        if self._one_shot:
            hand_back(self._source, list(self._waiting))
        if isinstance(self._source, HostBatches):
            self._source.unlock()
        self._worker.close()

    def _draw_ahead(self) -> None:
        self._ahead = self._worker.submit(self._draw)

    def _draw(self) -> Chunk | None:
        """Runs in the thread: takes batches of one shape until the stack is full."""
        if self._shares is None:
            return None if (stack := self._fill()) is None else self._chunk(stack)
        with self._shares.agreeing() as agree:
            stack = self._fill()
            share = agree(stack)
            if stack is None or share is None:
                return None
            for batch in reversed(stack.cut(share.count)):
                self._keep(self._unweighed(batch))
            return self._chunk(stack, share)

    def _fill(self) -> Stack | None:
        first = self._take(has_some=False)
        if first is None:
            return None
        stack = Stack(first)
        left = self._epochs.left
        room = stack.capacity if left is None else min(stack.capacity, left)
        deadline = time.monotonic() + STACK_SECONDS
        patient = self._placement.agreement is not None and self._shares is None
        while len(stack) < room and (patient or time.monotonic() < deadline):
            batch = self._take(has_some=True)
            if batch is None:
                break
            if not stack.add(batch):
                self._keep(self._unweighed(batch))
                break
        return stack

    def _chunk(self, stack: Stack, share: Share | None = None) -> Chunk:
        """Places the batches of a stack, and those of the other processes' beside them."""
        if share is None:
            batches = Batches(stack.placed(self._placement), None, stack.size)
        else:
            arrays = stack.shared(self._placement, share.room, share.size)
            batches = Batches(arrays, None, sum(share.sizes), share.uneven)
        drawn = tuple(map(self._unweighed, stack.batches())) if self._one_shot else ()
        return Chunk(batches, len(stack), drawn, tuple(self._digests(stack)))

    def _digests(self, stack: Stack) -> Iterator[int]:
        if self._digest is None:
            return
        for batch in stack.batches():
            self._digest = _digest(batch, self._digest)
            yield self._digest

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


def _digest(batch: HostBatch, before: int) -> int:
    """Returns a checksum of a batch, as the device gets it, and of those before."""
    for leaf in jax.tree.leaves(batch):
        array = np.ascontiguousarray(leaf, canonical(leaf.dtype))
        before = zlib.crc32(array.reshape(-1).view(np.uint8).data, before)
    return before
