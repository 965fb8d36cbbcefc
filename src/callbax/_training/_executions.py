"""Dispatching executions: the one that is due, and those that run ahead of it."""

import time
from collections import deque
from contextlib import AbstractContextManager, nullcontext

from jax.profiler import StepTraceAnnotation

from callbax._data._select import Chunk
from callbax._training._compile import Programs
from callbax._training._execution import Execution
from callbax._training._gauge import Gauge
from callbax._training._pace import Pace
from callbax._training._peers import Peers
from callbax._training._reading import Reading
from callbax._training._state import Packed


class Executions:
    """The executions of a run that hooks have not got to.

    Invariant: those that run ahead begin each where the one before ends, and from its end state;
    the first of them, where the current execution ends, or at the cursor if there is none.

    Args:
        programs: Compiled executions of the step.
        pace: How long they are.
        reading: Where their batches come from.
        gauge: What does not count compiling.
        peers: The other processes, which count what is dispatched.
        overwrite: Whether states may be overwritten by the next.

    Attributes:
        epoch_end: The batch of the run at which the epoch ends; None if only the data say.
        seen: Whether somebody besides the programs may hold arrays of the state from which the
            next execution starts: the user at first, unless it was copied, then whoever reads or
            writes. Such a state is never overwritten.
    """

    def __init__(
        self,
        programs: Programs,
        pace: Pace,
        reading: Reading,
        gauge: Gauge,
        peers: Peers,
        *,
        overwrite: bool,
    ) -> None:
        self._programs, self._pace, self._reading = programs, pace, reading
        self._gauge, self._peers, self._overwrite = gauge, peers, overwrite
        self._ahead: deque[Execution] = deque()
        self._capacity: int | None = None
        self.epoch_end: int | None = 0
        self.seen = True

    def __len__(self) -> int:
        return len(self._ahead)

    @property
    def steps(self) -> int:
        """How many steps run ahead."""
        return sum(execution.count for execution in self._ahead)

    def take(self, state: Packed, at: int) -> Execution:
        """Returns the next execution, dispatched now unless it runs ahead.

        Args:
            state: The state from which it starts.
            at: The batch of the run at which it starts, which the reading has found.
        """
        if not self._ahead:
            self._start(state, at)
        return self._ahead.popleft()

    def run_ahead(self, current: Execution) -> None:
        """Lets the execution after the current one run, unless something speaks against it."""
        if self._ahead or current.dispatched is None:
            return  # after a program's first run the next length has to wait for its time
        if self._pace.may_run_ahead(current.ends):
            self._follow(current)
        if self._ahead:  # the device has enough to do
            self._reading.prepare_next_pass()

    def extend(self, count: int, current: Execution | None, state: Packed, at: int) -> None:
        """Lets `count` executions run ahead of the current one, or as many as there are.

        Args:
            count: How many.
            current: The current one, if any.
            state: If not, the state from which the next one starts.
            at: The batch of the run at which it starts then.
        """
        while len(self._ahead) < count:
            last, dispatched = self._ahead[-1] if self._ahead else current, len(self._ahead)
            if last is not None:
                self._follow(last)
            elif at != self.epoch_end and self._reading.find():
                self._start(state, at)
            if len(self._ahead) == dispatched:
                return

    def clear(self) -> None:
        """Drops those that run ahead."""
        self._ahead.clear()

    def capacity(self, state: Packed, chunk: Chunk) -> int:
        """Returns how many steps an execution may have, for the memory that their rows take."""
        if self._capacity is None:
            self._capacity = self._programs.capacity(state, chunk.batches)
        return self._capacity

    def _start(self, state: Packed, at: int) -> None:
        reading = self._reading
        self._ahead.append(self._dispatch(state, at, reading.front, reading.offset))

    def _follow(self, before: Execution) -> None:
        """Dispatches the execution after another one, if there is one and its data are there."""
        begins, chunk, first = before.ends, before.chunk, before.first + before.count
        if begins == self.epoch_end:
            return
        if first == chunk.count:
            after = self._reading.after(chunk)
            if after is None:
                return
            chunk, first = after, 0
        self._ahead.append(self._dispatch(before.end, begins, chunk, first))

    def _dispatch(self, state: Packed, begins: int, chunk: Chunk, first: int) -> Execution:
        room = self.capacity(state, chunk)
        limits = [chunk.count - first, self._pace.length(begins), room]
        if self.epoch_end is not None:
            limits.append(self.epoch_end - begins)
        count = min(limits)
        traces, asked = self._programs.traces, time.perf_counter()
        self._programs.await_prepared(chunk.batches)  # compiling does not count as a step's time
        started = time.perf_counter()
        with _marked(begins):
            end, blocks = self._programs.run(
                state,
                chunk.batches,
                first,
                count,
                capacity=room,
                single=chunk.count == 1 or self._pace.single,
                overwrite=self._overwrite and not self.seen,
            )
        self.seen = False
        self._peers.dispatched += 1
        returned = time.perf_counter()
        compiled = self._programs.traces != traces
        self._gauge.leave_out((returned if compiled else started) - asked)
        dispatched = None if compiled else started
        keyed = self._programs.step.keys is not None
        return Execution(begins, chunk, first, count, end, blocks, keyed, dispatched, returned)


def _marked(begins: int) -> AbstractContextManager[object]:
    """Marks an execution as a step in the trace of a profiler, if there is one at work."""
    if not StepTraceAnnotation.is_enabled():
        return nullcontext()
    return StepTraceAnnotation("execution", step_num=begins)
