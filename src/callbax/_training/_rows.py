"""What executions leave for the hooks: a row for every batch."""

import time
from typing import Any

import jax
import numpy as np

from callbax._core._hooks import Logs
from callbax._core._spans import Spans
from callbax._core._types import PyTree
from callbax._training._execution import Execution
from callbax._training._gauge import Gauge
from callbax._training._pace import Pace


class Rows:
    """The rows of a run, fetched from the device once one of an execution is asked for.

    Args:
        keys: Names of a row's values; None if rows are outputs of the module.
        pace: What has to know how long executions take.
        gauge: Who shows it.
        several: Whether other processes choose the same lengths. A hook that is called in one of
            them alone may ask for rows early: then the pace hears of an execution only when the
            next one is due (`note_time`), as in the others.

    Attributes:
        spans: Where is told what took how long.
    """

    def __init__(
        self, keys: tuple[str, ...] | None, pace: Pace, gauge: Gauge, *, several: bool
    ) -> None:
        self._keys, self._pace, self._gauge, self._several = keys, pace, gauge, several
        self.spans = Spans()
        self._last: tuple[Execution, int] | None = None
        self._recorded: list[float] | None = None
        self._ready_at = 0.0

    def start_at(self, row: list[float] | None) -> None:
        """Takes the row of a recorded run for that of the batch before the first one."""
        self._recorded = row

    def move_to(self, execution: Execution, index: int) -> None:
        """Lets a batch of an execution be the last one."""
        self._last = execution, index

    def logs(self) -> Logs:
        """Returns the running metrics after the last batch, a new dict of floats."""
        if self._last is None:
            row = self._recorded
        else:  # as `_row` finds it, which would be one more call at every batch
            execution, index = self._last
            row = (execution.rows or self.of(execution))[index]
        # The row has a value more than there are keys: the batch's own loss.
        return {} if row is None else dict(zip(self._keys or (), row, strict=False))

    @property
    def batch_loss(self) -> float:
        """The last batch's own loss."""
        row = self._row()
        return float("nan") if row is None else float(row[-1])

    @property
    def row(self) -> list[float] | None:
        """The last batch's row of logs; None before the first batch, and if rows are outputs."""
        return None if self._keys is None else self._row()

    def outputs(self, *, copy: bool = False) -> PyTree:
        """Returns what the last batch's row holds if it is not logs: NumPy arrays.

        Args:
            copy: Whether they are to be written to.
        """
        return jax.tree.map(np.array, self._row()) if copy else self._row()

    def last_outputs(self, batches: int) -> list[PyTree]:
        """Returns what the last rows of an execution hold, as many as asked for."""
        if self._last is None:
            return []
        execution, index = self._last
        return self.of(execution)[index + 1 - batches : index + 1]

    def of(self, execution: Execution) -> list[Any]:
        """Returns the rows of an execution, once it has run; notes how long it took."""
        if execution.rows is None:
            was_ready = execution.is_ready
            execution.rows = execution.fetch()
            now = time.perf_counter()
            if execution.dispatched is not None:
                execution.took = now - max(execution.dispatched, self._ready_at), was_ready
                self._gauge.ran(execution.count)
                if not self._several:
                    self.note_time(execution)
            else:  # it may have run while it was compiled, so that its own time is not known
                self._gauge.leave_out(now - max(execution.returned, self._ready_at))
            if self.spans:
                began = max(execution.dispatched or execution.returned, self._ready_at)
                name = f"{execution.count} steps"
                self.spans.tell("device", name, began, now, begins=execution.begins)
            self._ready_at = now
            self._gauge.see()
        return execution.rows

    def note_time(self, execution: Execution) -> None:
        """Lets the pace know what an execution took, if it does not yet."""
        took, execution.took = execution.took, None
        if took is not None:
            seconds, was_ready = took
            self._pace.ran(execution.count, seconds, at_most=was_ready)

    def _row(self) -> Any:
        if self._last is None:
            return self._recorded
        execution, index = self._last
        return (execution.rows or self.of(execution))[index]
