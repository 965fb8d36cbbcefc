"""The timeline: many steps in one dispatch, and every batch's state and logs for the hooks.

A run is a line of states s0, s1, s2... A step is pure, so the line is determined until a hook
changes something. The timeline therefore runs ahead of the hooks in fused executions and lets the
hooks catch up batch by batch. A hook that reads the state in the middle of an execution gets it by
replaying the steps up to there; one that changes the state has the rest of the execution thrown
away, and the next one starts from the new state, with the same data.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from callbax._core._errors import explain
from callbax._core._hooks import Logs
from callbax._core._types import Array, PyTree
from callbax._core._warnings import warn
from callbax._data._feed import Feed
from callbax._data._select import Chunk
from callbax._modules._captured import Captured
from callbax._training._compile import Programs
from callbax._training._execution import Execution
from callbax._training._gauge import Gauge
from callbax._training._pace import Pace
from callbax._training._reading import Pass, Place, Reading
from callbax._training._state import Packed, TrainState, check_same_form

_MANY_RENEWALS = 4
"""How many programs may differ in a Python number alone before a warning is due."""


class Timeline:
    """The line of states of one run, read at a cursor that moves batch by batch.

    Invariants. The cursor counts the batches of the run whose end hooks are due or done. The known
    state stands at `_known_at`, which is never behind the start of the current execution and never
    ahead of the cursor: `begins <= _known_at <= cursor <= ends`; a state at the cursor is the known
    one, or the current execution's end, or replayed from the known one. The next execution, if one
    runs ahead, begins where the current one ends, and from its end state. Once a hook writes, the
    written state is the known one and neither execution exists. Batches drawn stay in the reading
    until the cursor has passed them, so that whatever is dropped can be run again.

    Args:
        programs: Compiled executions of the step.
        state: The state to start from.
        feed: Where the batches come from.
        pace: How long executions are.
        reset: Running sums -> those with which an epoch starts; None leaves them as they are.
        exact: Whether each batch must have run when `advance` returns.
        overwrite: Whether states may be overwritten by the next; then nothing runs ahead.
        check: Raises if hooks have changed what compiled programs cannot follow; called before
            every execution and at the end of every epoch.
        captured: What losses and metrics hold from outside; None for nothing.
        batch_size: Samples in the first batch of the data.

    Attributes:
        batches_per_pass: Batches in a pass over the data; None if unknown.
        overwrites: Whether states may be overwritten by the next.
        gauge: How many steps the epoch has, and how long they take.
    """

    def __init__(
        self,
        programs: Programs,
        state: TrainState,
        feed: Feed,
        pace: Pace,
        *,
        reset: Callable[[PyTree], PyTree] | None = None,
        exact: bool = False,
        overwrite: bool = False,
        check: Callable[[], None] | None = None,
        captured: Captured | None = None,
        batch_size: int = 1,
    ) -> None:
        self.batch_size = batch_size
        self._programs, self._pace, self._check = programs, pace, check
        self.gauge = Gauge()
        # Other threads may read and write the state while hooks are called in this one.
        self._lock = threading.RLock()
        self._captured = captured
        if captured is not None:
            programs.constants = captured.note()
        self._reading = Reading(feed)
        self.batches_per_pass = feed.batches_per_pass
        self._reset, self._exact, self.overwrites = reset, exact, overwrite
        # Whether somebody besides the programs may hold arrays of the state at the cursor: the
        # user at first, then whoever reads or writes. Such a state is never overwritten.
        self._seen = True
        self._first_step = int(state.step)
        # The state known nearest before the cursor, and the batch it stands at.
        self._known, self._known_at = programs.pack(state), 0
        self._current: Execution | None = None
        self._next: Execution | None = None
        self._cursor = 0
        self._epoch_end: int | None = 0
        self._last: tuple[Execution, int] | None = None
        self._recorded_row: list[float] | None = None
        self._ready_at = 0.0
        self._renewals = 0
        self._capacity: int | None = None

    # For the loop

    def start_epoch(self, steps: int | None, *, done: int = 0) -> None:
        """Empties the running metrics and sees that there is data.

        Args:
            steps: Batches in the epoch; None continues to the end of the data.
            done: Batches of it that a run before has done; its running metrics are kept then.

        Raises:
            ValueError: The data is used up.
        """
        self._epoch_end = None if steps is None else self._cursor + steps - done
        self._pace.epoch_started(self._cursor - done)
        self._reading.start_epoch(None if steps is None else steps - done)
        self.gauge.start_epoch(steps or self.batches_per_pass)
        if done:
            return
        self._restart(self._fresh(self._at_cursor().state))
        if self._reading.pass_ is None or not self._reading.find():
            self._reading.start_pass(self.step, self._cursor)
            if not self._reading.find():
                raise ValueError(
                    explain(
                        "fit(x=...)",
                        expected="at least one batch",
                        received="a source that ended at once",
                        action="Check how the data was loaded or split.",
                    )
                )
        found = time.perf_counter()
        self._prepare_rest()
        self.gauge.leave_out(time.perf_counter() - found)

    def next_size(self) -> int | None:
        """Returns the samples in the next batch, or None at the end of the epoch or the data."""
        self.gauge.see()
        if self._cursor == self._epoch_end or not self._reading.find():
            if self._check is not None:
                self._check()
            self._reading.end_epoch()
            return None
        return self._reading.front.batches.size

    def advance(self, *, whole: bool = False) -> int:
        """Moves the cursor over the next batch, starting an execution when one is due.

        Args:
            whole: Whether to move over all that is left of the execution.

        Returns:
            Over how many batches it moved.
        """
        with self._lock:
            return self._advance(whole=whole)

    def _advance(self, *, whole: bool) -> int:
        if self._captured is not None and self._captured.changed(self._known.state.captured):
            self._take_captured(self._captured)
        execution = self._current
        if execution is None or self._cursor == execution.ends:
            execution = self._begin_execution()
        moved = execution.ends - self._cursor if whole else 1
        self._cursor += moved
        self._reading.offset += moved
        self._last = execution, self._cursor - execution.begins - 1
        if self._exact:
            execution.wait()
            self._rows(execution)
        return moved

    def logs(self) -> Logs:
        """Returns the running metrics after the last batch, a new dict of floats."""
        row, keys = self._row(), self._programs.step.keys or ()
        # The row has a value more than there are keys: the batch's own loss.
        return {} if row is None else dict(zip(keys, row, strict=False))

    @property
    def batch_loss(self) -> float:
        """The last batch's own loss."""
        row = self._row()
        return float("nan") if row is None else float(row[-1])

    def outputs(self, *, copy: bool = False) -> PyTree:
        """Returns what the last batch's row holds if it is not logs: NumPy arrays.

        Args:
            copy: Whether they are to be written to.
        """
        return jax.tree.map(np.array, self._row()) if copy else self._row()

    # For the model

    def read(self) -> TrainState:
        """Returns the state after the last batch."""
        with self._lock:
            if self._current is not None:
                self._pace.touched(self._cursor, wasted=self._distance(), writes=False)
            self._seen = True
            return self._at_cursor().state

    def write(self, state: TrainState) -> None:
        """Replaces the state after the last batch; what ran ahead of it is dropped.

        Raises:
            ValueError: The new one has other shapes or dtypes; nothing was changed.
        """
        with self._lock:
            self._write(state)

    def _write(self, state: TrainState) -> None:
        check_same_form(self._known.state, state)
        self._seen = True
        execution = self._current
        discarded = self._next.count if self._next is not None else 0
        if execution is not None:
            discarded += execution.ends - self._cursor
        if state.step is not self._known.state.step:
            self._first_step = int(state.step) - self._moved
        self._restart(state)
        self._pace.touched(self._cursor, wasted=discarded, writes=True)

    @property
    def step(self) -> int:
        """Training steps taken at the cursor."""
        return self._first_step + self._moved

    @property
    def learning_rate(self) -> Array:
        """The current learning rate; no step changes it, so nothing is replayed for it."""
        return self._known.state.learning_rate

    @property
    def hyperparameters(self) -> dict[str, Array]:
        """The hyperparameters that were assigned, known without replaying anything too."""
        return self._known.state.hyperparameters

    def place(self, seed: int | None) -> Place:
        """Returns the place in the data.

        Args:
            seed: Seed of the order in which arrays are read.
        """
        here = self._reading.pass_
        if here is None:
            return Place(seed, None, 0)
        return Place(seed, here.step, self._cursor - here.begins, here.number)

    @property
    def row(self) -> list[float] | None:
        """The last batch's row of logs; None before the first batch, and if rows are outputs."""
        return self._row() if self._programs.step.keys is not None else None

    def move_to(self, place: Place, row: list[float] | None) -> None:
        """Goes to a recorded place, before the first batch.

        Args:
            place: What `place` returned in a run over equal data.
            row: What `row` was there.
        """
        self._recorded_row = row
        if place.pass_step is not None:
            here = Pass(place.pass_step, self._cursor - place.pass_done, place.passes)
            self._reading.move_to(here, self._cursor, place.seed)
        else:
            self._reading.skip_passes(place.passes)

    def close(self) -> TrainState:
        """Ends the run, gives unused data back and returns the state at the cursor."""
        with self._lock:
            state = self._at_cursor().state
            self._restart(state)
            self._reading.close()
        return state

    # Inside

    @property
    def _moved(self) -> int:
        return self._cursor if "step" in self._programs.step.moves else 0

    def _restart(self, state: TrainState) -> None:
        self._known, self._known_at = self._programs.pack(state), self._cursor
        self._current = self._next = None

    def _take_captured(self, captured: Captured) -> None:
        """Lets what hooks changed outside of the state count from the next step on."""
        known = self._programs.constants
        self._programs.constants = captured.note()
        if self._programs.constants != known:
            self._renewals += 1
            if self._renewals == _MANY_RENEWALS:
                warn(
                    "A loss or metric reads a Python number that hooks keep changing; for every "
                    "new value the step is compiled again. Keep it in a `backend.variable(...)` "
                    "or an `nnx.Variable`: these count without that."
                )
        self.write(self.read().replace(captured=captured.read()))

    def _prepare_rest(self) -> None:
        """Compiles the program for the pass's last, smaller batch, if the epoch gets there."""
        left = self._reading.front.count - self._reading.offset
        if self._epoch_end is None or self._cursor + left < self._epoch_end:
            rest = self._reading.after_front()
            if rest is not None and rest.count == 1:
                self._programs.prepare(self._known, rest.batches, overwrite=self.overwrites)

    def _fresh(self, state: TrainState) -> TrainState:
        """Returns a state whose running metrics start again."""
        if self._reset is None:
            return state
        metrics = self._reset(state.metrics)
        return state.replace(
            metrics=jax.tree.map(jnp.copy, metrics) if self.overwrites else metrics
        )

    def _distance(self) -> int:
        """Returns how many steps a replay to the cursor takes."""
        execution = self._current
        if execution is None or self._cursor == execution.ends:
            return 0
        return self._cursor - self._known_at

    def _at_cursor(self) -> Packed:
        execution, at = self._current, self._cursor
        if execution is None or at == self._known_at:
            return self._known
        known = execution.end
        if distance := self._distance():
            batches = execution.chunk.batches
            first = execution.first + self._known_at - execution.begins
            room = self._row_capacity(self._known, execution.chunk)
            known, _ = self._programs.run(self._known, batches, first, distance, capacity=room)
        self._known, self._known_at = known, at
        return known

    def _begin_execution(self) -> Execution:
        """Makes the execution that starts at the cursor the current one, and runs the next."""
        if self._check is not None:
            self._check()
        before, ahead, old = self._current, self._next, self._known
        state = self._at_cursor()
        if ahead is None:
            ahead = self._dispatch(state, self._cursor, self._reading.front, self._reading.offset)
        self._current, self._next, self._known, self._known_at = ahead, None, state, self._cursor
        del old  # only now, while the device is at work: freeing arrays takes its time
        if before is not None:
            self._rows(before)  # no more than two in flight: the pace must know, and so must ^C
        if not (self._exact or self.overwrites):
            self._next = self._run_ahead(ahead)
            if self._next is not None:  # the device has enough to do
                self._reading.prepare_next_pass()
        return ahead

    def _run_ahead(self, current: Execution) -> Execution | None:
        """Dispatches the execution after the current one, unless something speaks against it."""
        begins = current.ends
        if begins == self._epoch_end or not self._pace.may_run_ahead(begins):
            return None
        if current.dispatched is None:
            return None  # a program's first run: the next length has to wait for its time
        chunk, first = current.chunk, current.first + current.count
        if first == chunk.count:
            after = self._reading.after_front()
            if after is None:
                return None
            chunk, first = after, 0
        return self._dispatch(current.end, begins, chunk, first)

    def _dispatch(self, state: Packed, begins: int, chunk: Chunk, first: int) -> Execution:
        room = self._row_capacity(state, chunk)
        limits = [chunk.count - first, self._pace.length(begins), room]
        if self._epoch_end is not None:
            limits.append(self._epoch_end - begins)
        count = min(limits)
        traces, asked = self._programs.traces, time.perf_counter()
        self._programs.await_prepared(chunk.batches)  # compiling does not count as a step's time
        started = time.perf_counter()
        end, blocks = self._programs.run(
            state,
            chunk.batches,
            first,
            count,
            capacity=room,
            single=chunk.count == 1 or self._pace.single,
            overwrite=self.overwrites and not self._seen,
        )
        self._seen = False
        returned = time.perf_counter()
        compiled = self._programs.traces != traces
        self.gauge.leave_out((returned if compiled else started) - asked)
        dispatched = None if compiled else started
        keyed = self._programs.step.keys is not None
        return Execution(begins, chunk, first, count, end, blocks, keyed, dispatched, returned)

    def _row_capacity(self, state: Packed, chunk: Chunk) -> int:
        if self._capacity is None:
            self._capacity = self._programs.capacity(state, chunk.batches)
        return self._capacity

    def _row(self) -> Any:
        if self._last is None:
            return self._recorded_row
        execution, index = self._last
        return self._rows(execution)[index]

    def _rows(self, execution: Execution) -> list[Any]:
        """Returns the rows of an execution, once it has run; notes how long it took."""
        if execution.rows is None:
            was_ready = execution.is_ready
            execution.rows = execution.fetch()
            now = time.perf_counter()
            if execution.dispatched is not None:
                seconds = now - max(execution.dispatched, self._ready_at)
                self._pace.ran(execution.count, seconds, at_most=was_ready)
                self.gauge.ran(execution.count)
            else:  # it may have run while it was compiled, so that its own time is not known
                self.gauge.leave_out(now - max(execution.returned, self._ready_at))
            self._ready_at = now
            self.gauge.see()
        return execution.rows
