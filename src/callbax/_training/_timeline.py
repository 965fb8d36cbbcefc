"""The timeline: many steps in one dispatch, and every batch's state and logs for the hooks.

A run is a line of states s0, s1, s2... A step is pure, so the line is determined until a hook
changes something. The timeline therefore runs ahead of the hooks in fused executions and lets the
hooks catch up batch by batch. A hook that reads the state in the middle of an execution gets it by
replaying the steps up to there; one that changes the state has the rest of the execution thrown
away, and the next one starts from the new state, with the same data.
"""

import functools
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr

from callbax._core._errors import explain
from callbax._core._hooks import Logs
from callbax._core._types import Array, PyTree
from callbax._core._warnings import warn
from callbax._core._waste import Waste
from callbax._data._feed import Feed
from callbax._data._select import select
from callbax._modules._captured import Captured
from callbax._training._calls import Draws
from callbax._training._compile import Programs
from callbax._training._execution import Execution
from callbax._training._executions import Executions
from callbax._training._gauge import Gauge
from callbax._training._pace import Pace
from callbax._training._peers import Alone, Peers
from callbax._training._reading import Place, Reading
from callbax._training._rows import Rows
from callbax._training._state import Packed, TrainState, check_same_form

Written = Callable[[TrainState, TrainState], None]

_MANY_RENEWALS = 4
"""How many programs may differ in a Python number alone before a warning is due."""


class Timeline:
    """The line of states of one run, read at a cursor that moves batch by batch.

    Invariants. The cursor counts the batches of the run whose end hooks are due or done. The known
    state stands at `_known_at`, which is never behind the start of the current execution and never
    ahead of the cursor: `begins <= _known_at <= cursor <= ends`; a state at the cursor is the known
    one, or the current execution's end, or replayed from the known one. Once a hook writes, the
    written state is the known one and no execution exists. Batches drawn stay in the reading until
    the cursor has passed them, so that whatever is dropped can be run again.

    Args:
        programs: Compiled executions of the step.
        state: The state to start from.
        feed: Where the batches come from.
        pace: How long executions are.
        reset: Running sums -> those with which an epoch starts; None leaves them as they are.
        exact: Whether each batch must have run when `advance` returns.
        overwrite: Whether states may be overwritten by the next; then nothing runs ahead.
        owned: Whether nobody else holds arrays of `state`.
        check: Raises if hooks have changed what compiled programs cannot follow; called before
            every execution and at the end of every epoch.
        captured: What losses and metrics hold from outside; None for nothing.
        batch_size: Samples in the first batch of the data.
        peers: The other processes of the run; None if there are none.

    Attributes:
        batches_per_pass: Batches in a pass over the data; None if unknown.
        overwrites: Whether states may be overwritten by the next.
        gauge: How many steps the epoch has, and how long they take.
        peers: The other processes of the run.
        waste: Where steps are counted that are taken for nothing.
        rows: What executions leave for the hooks.
        renewals: How often hooks have changed a number of Python that losses or metrics read.
        draws: What calls of the model in hooks draw from.
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
        owned: bool = False,
        check: Callable[[], None] | None = None,
        captured: Captured | None = None,
        batch_size: int = 1,
        peers: Peers | None = None,
    ) -> None:
        self.batch_size, self.peers = batch_size, peers or Alone()
        self.peers.agreed = pace.agree
        self._programs, self._pace, self._check = programs, pace, check
        self.gauge, self.waste = Gauge(), Waste()
        self.rows = Rows(programs.step.keys, pace, self.gauge, several=self.peers.several)
        # Other threads may read and write the state while hooks are called in this one.
        self._lock = threading.RLock()
        self._captured = captured
        if captured is not None:
            programs.constants = captured.note()
        self.renewals, self.draws = 0, Draws()
        self._reading = Reading(feed)
        self.batches_per_pass = feed.batches_per_pass
        self._reset, self._exact, self.overwrites = reset, exact, overwrite
        self._executions = Executions(
            programs, pace, self._reading, self.gauge, self.peers, overwrite=overwrite
        )
        self._executions.seen = not owned
        self._first_step = int(state.step)
        # The state known nearest before the cursor, and the batch it stands at.
        self._known, self._known_at = programs.pack(state), 0
        self._current: Execution | None = None
        self._cursor = 0
        self._written: Written | None = None

    # For the loop

    def start_epoch(self, steps: int | None, *, done: int = 0) -> None:
        """Empties the running metrics and sees that there is data.

        Args:
            steps: Batches in the epoch; None continues to the end of the data.
            done: Batches of it that a run before has done; its running metrics are kept then.

        Raises:
            ValueError: The data is used up.
        """
        self.peers.meet("the begin of an epoch", self._cursor)
        self._executions.epoch_end = None if steps is None else self._cursor + steps - done
        self._pace.epoch_started(self._cursor - done)
        self._reading.start_epoch(None if steps is None else steps - done)
        self.gauge.start_epoch(steps or self.batches_per_pass)
        if done:
            return
        self._restart(self._fresh(self._at_cursor().state))
        if self._reading.pass_ is None or not self._find():
            self._reading.start_pass(self.step, self._cursor)
            if not self._find():
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
        execution = self._current
        if execution is not None and self._cursor < execution.ends:
            return execution.chunk.batches.size
        self.gauge.see()
        if self._cursor == self._executions.epoch_end or not self._find():
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
            if self._captured is not None and self._captured.changed(self._known.state.captured):
                self._take_captured(self._captured)
            execution = self._current
            if execution is None or self._cursor == execution.ends:
                if execution is not None:
                    self.stops(False)  # if the loop has not asked
                execution = self._begin_execution()
            moved = execution.ends - self._cursor if whole else 1
            self._cursor += moved
            self._reading.offset += moved
            self.rows.move_to(execution, self._cursor - execution.begins - 1)
            if self._exact:
                execution.wait(self._pace.step_seconds)
                self.rows.of(execution)
            return moved

    def stops(self, wanted: bool) -> bool:
        """Returns whether to stop after this batch, if this process wants to or not."""
        if not self.peers.several:
            return wanted
        if wanted:
            self._dispatch_owed()
        return self.peers.stops(wanted, self._cursor, self._ends)

    def ends_epoch(self, wanted: bool) -> bool:
        """Returns whether to stop after this epoch, if this process wants to or not."""
        return self.peers.ends_epoch(wanted, self._cursor)

    def check_interrupts(self, first: Callable[[], None] | None) -> None:
        """Raises for a signal that came, after calling `first`."""
        self.peers.check_interrupts(self._cursor, first)

    def logs(self) -> Logs:
        """Returns the running metrics after the last batch, a new dict of floats."""
        return self.rows.logs()

    def outputs(self, *, copy: bool = False) -> PyTree:
        """Returns the outputs for the last batch: NumPy arrays, copies if they are written to."""
        return self.rows.outputs(copy=copy)

    def last_outputs(self, batches: int) -> list[PyTree]:
        """Returns the outputs for some of the last batches of an execution, NumPy arrays."""
        return self.rows.last_outputs(batches)

    # For the model

    def read(self) -> TrainState:
        """Returns the state after the last batch."""
        with self._lock:
            wasted, known = self._distance(), self._at_cursor()
            if self._current is not None:
                self._touched(wasted, writes=False, met=wasted > 0)
                self.waste.note(replayed=wasted)
            self._executions.seen = True
            return known.state

    def write(self, state: TrainState) -> None:
        """Replaces the state after the last batch; what ran ahead of it is dropped.

        Raises:
            ValueError: The new one has other shapes or dtypes; nothing was changed.
        """
        with self._lock:
            self._write(state)

    def watch(self, written: Written) -> None:
        """Lets somebody know of every state that is written: the one before and the new one."""
        self._written = written

    def _write(self, state: TrainState) -> None:
        check_same_form(self._known.state, state)
        state = self._programs.place(state, self._known.state)
        if in_middle := self._cursor != self._ends:
            self.meet("a change of the state")
        if self._written is not None:
            self._written(self._at_cursor().state, state)
        self._executions.seen = True
        execution = self._current
        discarded = self._executions.steps
        if execution is not None:
            discarded += execution.ends - self._cursor
        if state.step is not self._known.state.step:
            self._first_step = int(state.step) - self._moved
        self._restart(state)
        self._touched(discarded, writes=True, met=in_middle)
        self.waste.note(discarded=discarded)

    @property
    def moved(self) -> int:
        """Batches that the cursor has moved over."""
        return self._cursor

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

    def meet(self, kind: str) -> None:
        """Waits until the other processes are at this batch too, for the same."""
        if self.peers.several:
            self._dispatch_owed()
        self.peers.meet(kind, self._cursor)

    def place(self, seed: int | None) -> Place:
        """Returns the place in the data.

        Args:
            seed: Seed of the order in which arrays are read.
        """
        return self._reading.place(self._cursor, seed)

    def jaxpr(self, batch: PyTree) -> ClosedJaxpr:
        """Returns a step as a jaxpr for batches of these shapes and dtypes, on any devices."""
        return self._programs.jaxpr(self._known, batch)

    def next_batch(self) -> PyTree:
        """Returns the batch of the next step, once `next_size` has found it."""
        reading = self._reading
        return jax.device_get(select(reading.front.batches, jnp.int32(reading.offset)))

    def move_to(self, place: Place, row: list[float] | None) -> None:
        """Goes to a recorded place, before the first batch.

        Args:
            place: What `place` returned in a run over equal data.
            row: The row of the batch before it.

        Raises:
            ValueError: The source does not give what it gave in that run.
        """
        self.rows.start_at(row)
        self._reading.return_to(place, self._cursor)

    def close(self, error: BaseException | None = None) -> TrainState:
        """Ends the run, gives unused data back and returns the state at the cursor.

        Args:
            error: What ended the run, if it did not end normally.
        """
        with self._lock:
            self._part(error)
            state = self._at_cursor().state
            self._restart(state)
            # Steps may read arrays of the user's where they lie, and these may change from here on.
            jax.block_until_ready(state)
            self._reading.close(error)
        return state

    # Inside

    @property
    def _ends(self) -> int:
        """The batch of the run at which the current execution ends."""
        return self._cursor if self._current is None else self._current.ends

    def _touched(self, wasted: int, *, writes: bool, met: bool) -> None:
        note = functools.partial(self._pace.touched, self._cursor, wasted=wasted, writes=writes)
        self.peers.touched(note, met=met)

    def _part(self, error: BaseException | None) -> None:
        """Ends what is done together with other processes.

        If an error ends the run here, the others hear of it when they next meet; what they wait
        for on their devices until then is dispatched here as well.
        """
        if error is None:
            self.peers.meet("the end of a run", self._cursor)
            return
        at = self._cursor
        if self.peers.several and not self.peers.broken:
            with suppress(Exception):
                self._dispatch_owed()
        self.peers.leave(error, at)
        with suppress(Exception):
            self._extend(len(self._executions) + self.peers.behind)
        if self.peers.broken:  # no state but this one is known without the others
            self._cursor = self._known_at
            self._drop_executions()

    def _dispatch_owed(self) -> None:
        """Dispatches what the other processes wait for on their devices until they next meet."""
        if self._current is not None:
            self.rows.of(self._current)
            self.rows.note_time(self._current)
        self._extend(self.peers.owed(self._cursor, self._ends))

    def _extend(self, count: int) -> None:
        self._executions.extend(count, self._current, self._known, self._cursor)

    def _find(self) -> bool:
        """Brings the next batch to hand; False at the end of the pass."""
        if not self.rows.spans:
            return self._reading.find()
        began = time.perf_counter()
        found = self._reading.find()
        self.rows.spans.tell("data", "wait", began, time.perf_counter(), batches=self._cursor)
        return found

    @property
    def _moved(self) -> int:
        return self._cursor if "step" in self._programs.step.moves else 0

    def _restart(self, state: TrainState) -> None:
        self._known, self._known_at = self._programs.pack(state), self._cursor
        self._drop_executions()

    def _drop_executions(self) -> None:
        self._current = None
        self._executions.clear()

    def _take_captured(self, captured: Captured) -> None:
        """Lets what hooks changed outside of the state count from the next step on."""
        if self._programs.renew(captured):
            self.renewals += 1
            if self.renewals == _MANY_RENEWALS:
                warn(
                    "A loss or metric reads a Python number that hooks keep changing; for every "
                    "new value the step is compiled again. Keep it in a `backend.variable(...)` "
                    "or an `nnx.Variable`: these count without that."
                )
        self.write(self.read().replace(captured=captured.read()))

    def _prepare_rest(self) -> None:
        """Compiles the program for the pass's last, smaller batch, if the epoch gets there."""
        left = self._reading.front.count - self._reading.offset
        if self._executions.epoch_end is None or self._cursor + left < self._executions.epoch_end:
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
            self.meet("a read of the state")
            batches = execution.chunk.batches
            first = execution.first + self._known_at - execution.begins
            room = self._executions.capacity(self._known, execution.chunk)
            known, _ = self._programs.run(self._known, batches, first, distance, capacity=room)
        self._known, self._known_at = known, at
        return known

    def _begin_execution(self) -> Execution:
        """Makes the execution that starts at the cursor the current one, and runs the next."""
        if self._check is not None:
            self._check()
        before, old = self._current, self._known
        if before is not None and self.peers.several:
            self.rows.of(before)
            self.rows.note_time(before)
        state = self._at_cursor()
        begun = self._executions.take(state, self._cursor)
        self._current, self._known, self._known_at = begun, state, self._cursor
        del old  # only now, while the device is at work: freeing arrays takes its time
        if before is not None:
            self.rows.of(before)  # no more than two in flight: the pace must know, and so must ^C
        if not (self._exact or self.overwrites):
            self._executions.run_ahead(begun)
        return begun
