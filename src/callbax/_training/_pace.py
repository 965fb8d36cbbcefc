"""How many steps an execution takes (``steps_per_execution``)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from callbax._core._arguments import is_whole
from callbax._core._errors import describe, explain

EXECUTION_SECONDS = 0.05
"""How long an execution may last: hooks are never later than this, unless processes meet."""
MEETING_SECONDS = 0.2
"""How long one may last for processes to meet less often."""
DISPATCH_SECONDS = 2e-4
"""What a dispatch costs, roughly: shorter executions waste more than they save."""
WASTE_SHARE = 0.25
"""Replayed and discarded steps allowed per useful step."""
GROWTH = 8
"""How much longer than all before an execution may be."""
MEMORY = 0.9
"""How much of the record of useful and wasted work survives an execution."""

StepsPerExecution = int | Literal["auto"]


def check_steps_per_execution(value: object) -> StepsPerExecution:
    """Returns a legal ``steps_per_execution``.

    Raises:
        ValueError: It is neither "auto" nor a positive integer.
    """
    if value == "auto":
        return "auto"
    if is_whole(value) and value > 0:
        return int(value)
    raise ValueError(
        explain(
            f"compile(steps_per_execution={value!r})",
            expected='"auto" or a positive integer',
            received=describe(value),
            action='Leave it at "auto": hooks are called for every batch in any case.',
        )
    )


@dataclass
class StepTime:
    """What was seen of a step on batches of one shape; one run leaves it to the next.

    Attributes:
        seconds: How long it takes; None before it was measured.
        longest: The most steps that an execution had.
    """

    seconds: float | None = None
    longest: int = 0


class Pace:
    """Chooses the length of executions from what was seen of steps and hooks.

    Args:
        setting: "auto", or a number of steps that is kept to exactly.
        step_time: What is known of the step; it learns what this run sees.
        single: Whether "auto" means one step: callbacks want each batch run between its two
            hooks, or nothing is gained by more.
        measured: Takes the steps of an execution and a step's time, and returns whether to go by
            it; if not, `agree` tells what to go by.
        every: After how many steps a hook is set to read the state; None if that is not known.
    """

    def __init__(
        self,
        setting: StepsPerExecution,
        step_time: StepTime,
        *,
        single: bool = False,
        measured: Callable[[int, float], bool] = lambda count, seconds: True,
        every: int | None = None,
    ) -> None:
        self._fixed = None if setting == "auto" else int(setting)
        if single and setting == "auto":
            self._fixed = 1
        self._step_time, self._measured = step_time, measured
        self._lasting = EXECUTION_SECONDS
        self._last = 0
        self._useful = self._wasted = 0.0
        self._limit = math.inf
        self._epoch_at = 0
        self._first_touch = every or 0
        self._touched_at: int | None = None
        self._before: int | None = None
        self._interval = every
        self._gap = 0
        self._touch_writes = False

    def epoch_started(self, step: int) -> None:
        """Notes an epoch's begin: hooks count batches from there.

        Args:
            step: Steps taken before it.
        """
        if self._touched_at is not None:
            self._before = self._touched_at
        self._epoch_at, self._touched_at = step, None

    def length(self, step: int) -> int:
        """Returns how many steps the execution that starts at a step should take.

        Args:
            step: Steps taken before it.
        """
        if self._fixed is not None:
            return self._fixed
        if self._step_time.seconds is None:
            return 1
        least, most = (
            max(1, int(seconds / max(self._step_time.seconds, 1e-9)))
            for seconds in (DISPATCH_SECONDS, self._lasting)
        )
        length = min(most, max(1, self._step_time.longest) * GROWTH, max(least, self._limit))
        touch = self._touch_after(step)
        return int(length if touch is None else min(length, touch - step))

    def may_run_ahead(self, step: int) -> bool:
        """Returns whether to dispatch the execution after a step before the hooks reach it.

        Args:
            step: Steps taken when it starts. If a hook is expected to change the state there,
                running ahead would be thrown away.
        """
        return not (self._touch_writes and step == self._next_touch())

    @property
    def single(self) -> bool:
        """Whether executions of one step are the rule."""
        return self._fixed == 1 or self._interval == 1

    @property
    def step_seconds(self) -> float | None:
        """How long a step takes; None before one was measured."""
        return self._step_time.seconds

    def ran(self, count: int, seconds: float, *, at_most: bool) -> None:
        """Notes an execution.

        Args:
            count: Its steps.
            seconds: How long the device took.
            at_most: Whether it may have been ready before anybody looked.
        """
        measured = seconds / count
        if at_most and self._step_time.seconds is not None:
            measured = min(measured, self._step_time.seconds)
        if self._measured(count, measured):
            self._step_time.seconds = measured
        self._step_time.longest = max(count, self._step_time.longest)
        self._last = count
        self._useful = self._useful * MEMORY + count
        self._wasted *= MEMORY
        if self._wasted < WASTE_SHARE * self._useful and self._limit < math.inf:
            self._limit *= 2
            if self._limit > 2**16:
                self._limit = math.inf

    def agree(self, seconds: float, lasting: float) -> None:
        """Takes what several processes go by.

        Args:
            seconds: How long a step takes.
            lasting: How long an execution should last at least, as they meet after it.
        """
        self._step_time.seconds = seconds
        self._lasting = max(EXECUTION_SECONDS, min(lasting, MEETING_SECONDS))

    def touched(self, step: int, *, wasted: int, writes: bool) -> None:
        """Notes that a hook read or changed the state.

        Hooks tend to do so at regular intervals, at the same batches of every epoch, or counted on
        from one to the next; executions are made to end where the next time is expected, which
        costs nothing when it does come.

        Args:
            step: Steps taken at that point.
            wasted: Steps replayed for it and discarded by it.
            writes: Whether it changed the state.
        """
        if step == self._touched_at:
            self._touch_writes = self._touch_writes or writes
        else:
            if self._touched_at is None:
                self._first_touch = step - self._epoch_at
            else:
                self._note_gap(step - self._touched_at)
            self._touch_writes = writes
        self._touched_at = step
        self._wasted += wasted
        if self._wasted > WASTE_SHARE * self._useful:
            self._limit = max(1, min(self._last, self._limit) // 2)

    def _note_gap(self, gap: int) -> None:
        """Takes a gap between touches for the interval if it is the first, or has come twice."""
        if self._interval is None or gap == self._gap:
            self._interval = gap
        self._gap = gap

    def _next_touch(self) -> int:
        """Returns after which step hooks are expected to read or change the state next.

        It is in the past if they were expected to and did not.
        """
        if self._touched_at is None:
            return self._epoch_at + self._first_touch
        # The first guess: once every n batches, counted from the epoch's begin.
        return self._touched_at + (self._interval or self._first_touch)

    def _touch_after(self, step: int) -> int | None:
        """Returns where to end an execution that starts at a step, None if unknown.

        Hooks may not have got to the step yet, and the next touch may be due right there.
        """
        touch = self._next_touch()
        if step == touch:
            touch += self._interval or self._first_touch
        due = [touch]
        if self._touched_at is None and self._before is not None and self._interval:
            again = self._before + self._interval  # if it counts on from epoch to epoch
            due.append(again + self._interval if step == again else again)
        # A touch that did not come when expected makes no forecast for the next one.
        return min((at for at in due if at > step), default=None)
