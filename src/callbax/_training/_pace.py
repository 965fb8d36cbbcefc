"""How many steps an execution takes (``steps_per_execution``)."""

import math
from typing import Literal

import numpy as np

from callbax._core._errors import describe, explain

EXECUTION_SECONDS = 0.05
"""How long an execution may last: hooks are never later than this."""
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
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and value > 0:
        return int(value)
    raise ValueError(
        explain(
            f"compile(steps_per_execution={value!r})",
            expected='"auto" or a positive integer',
            received=describe(value),
            action='Leave it at "auto": hooks are called for every batch in any case.',
        )
    )


class Pace:
    """Chooses the length of executions from what was seen of steps and hooks.

    Args:
        setting: "auto", or a number of steps that is kept to exactly.
        single: Whether "auto" means one step: callbacks want each batch run between its two
            hooks, or nothing is gained by more.
    """

    def __init__(self, setting: StepsPerExecution, *, single: bool = False) -> None:
        self._fixed = None if setting == "auto" else int(setting)
        if single and setting == "auto":
            self._fixed = 1
        self._step_seconds: float | None = None
        self._last = self._longest = 0
        self._useful = self._wasted = 0.0
        self._limit = math.inf
        self._touched_at: int | None = None
        self._interval: int | None = None
        self._touch_writes = False

    def length(self, step: int) -> int:
        """Returns how many steps the execution that starts at a step should take.

        Args:
            step: Steps taken before it.
        """
        if self._fixed is not None:
            return self._fixed
        if self._step_seconds is None:
            return 1
        by_time = max(1, int(EXECUTION_SECONDS / max(self._step_seconds, 1e-9)))
        length = min(by_time, max(1, self._longest) * GROWTH, self._limit)
        until_touch = self._until_touch(step)
        return int(min(length, until_touch)) if until_touch else int(length)

    def may_run_ahead(self, step: int) -> bool:
        """Says whether to dispatch the execution after a step before the hooks reach it.

        Args:
            step: Steps taken when it starts. Where a hook is expected to change the state there,
                running ahead would be thrown away.
        """
        return not (
            self._touch_writes
            and self._interval is not None
            and self._touched_at is not None
            and step == self._touched_at + self._interval
        )

    @property
    def single(self) -> bool:
        """Whether executions of one step are the rule."""
        return self._fixed == 1 or self._interval == 1

    def ran(self, count: int, seconds: float, *, at_most: bool) -> None:
        """Notes an execution.

        Args:
            count: Its steps.
            seconds: How long the device took.
            at_most: Whether it may have been ready before anybody looked.
        """
        self._last, self._longest = count, max(count, self._longest)
        measured = seconds / count
        if at_most and self._step_seconds is not None:
            measured = min(measured, self._step_seconds)
        self._step_seconds = measured
        self._useful = self._useful * MEMORY + count
        self._wasted *= MEMORY
        if self._wasted < WASTE_SHARE * self._useful and self._limit < math.inf:
            self._limit *= 2
            if self._limit > 2**16:
                self._limit = math.inf

    def touched(self, step: int, *, wasted: int, writes: bool) -> None:
        """Notes that a hook read or changed the state.

        Hooks tend to do so at regular intervals; executions are made to end where the next time
        is expected, which costs nothing when it does come.

        Args:
            step: Steps taken at that point.
            wasted: Steps replayed for it and discarded by it.
            writes: Whether it changed the state.
        """
        if self._touched_at is not None and step > self._touched_at:
            self._interval = step - self._touched_at
            self._touch_writes = writes
        elif step == self._touched_at:
            self._touch_writes = self._touch_writes or writes
        self._touched_at = step
        self._wasted += wasted
        if self._wasted > WASTE_SHARE * self._useful:
            self._limit = max(1, min(self._last, self._limit) // 2)

    def _until_touch(self, step: int) -> int | None:
        if self._touched_at is None or self._interval is None:
            return None
        ahead = self._touched_at + self._interval - step
        # A touch that did not come when expected makes no forecast for the next one.
        return ahead if ahead > 0 else None
