"""Recording a run so that every batch of it can be visited again."""

import os
from typing import Any

from callbax._core._errors import explain
from callbax._core._frequency import Frequency, FrequencyLike, FrequencySetting
from callbax._core._hooks import Logs
from callbax._stores._record import Row
from callbax._stores._tape import Tape
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._model_view import is_in_lead, model_of


class Recorder(Callback):
    """Records a run so that ``history.at(epoch, batch)`` can go back to any of its batches.

    It keeps the whole state at the begin of every epoch, and after every n batches; the logs and
    the own loss of every batch; and what hooks wrote to the model in between. A batch is visited by
    taking the steps again from the nearest state before it, bit for bit.

    Args:
        directory: Where to keep it, for other processes too: see `Model.past`; None keeps it in
            memory.
        every: Batches between two states, or a number and a unit, as in ``"200 batches"`` or
            ``"1 minute"``; ``"epoch"`` keeps those of epochs' begins alone.

    Attributes:
        tape: What was recorded; None before the first run.

    Raises:
        ValueError: `every` is illegal; or, when a run begins, there are several processes and a
            directory.
        OSError: When a run begins: the directory cannot be written to.

    Differs from Keras: new.

    Example:
        >>> Recorder(every="200 batches").runs_last
        True
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()
    runs_last: bool = True
    every: FrequencySetting = FrequencySetting()
    _frequency: Frequency

    def __init__(
        self, directory: str | os.PathLike[str] | None = None, every: FrequencyLike = "epoch"
    ) -> None:
        super().__init__()
        self.directory: str | None = None if directory is None else os.fspath(directory)
        self.every = every
        self.tape: Tape | None = None
        self._epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts a new record."""
        if self.directory is not None and not is_in_lead(self):
            raise ValueError(
                explain(
                    f"Recorder({self.directory!r})",
                    expected="a run of one process, as one alone may write a record",
                    received="one of several",
                    action="Leave `directory` out: every process keeps the record in memory then.",
                )
            )
        self.tape = Tape(self.directory, where=f"Recorder({self.directory!r})")
        self._frequency.start()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Keeps the state."""
        self._epoch = epoch
        self.recorded.keep(model_of(self).run_state())

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Keeps the state if the run has begun within an epoch."""
        if not self.recorded.frames:
            run = model_of(self).run_state()
            self._epoch = run.epoch
            self.recorded.keep(run)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keeps the logs, and the state if it is due."""
        loss = model_of(self).batch_loss
        self.recorded.add(Row(self._epoch, batch, dict(logs or {}), loss))
        if self._frequency.batch_ended():
            self.recorded.keep(model_of(self).run_state())

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Keeps the last state, with what hooks wrote since the one before."""
        self.recorded.keep(model_of(self).run_state())

    def teardown(self) -> None:
        """Writes what is left."""
        if self.tape is not None:
            self.tape.close()

    def state_dict(self) -> dict[str, Any]:
        """Returns how much was recorded, and what no file holds yet."""
        lines, pending = (0, ()) if self.tape is None else (self.tape.lines, self.tape.pending)
        recorded = {"lines": lines, "pending": pending, "epoch": self._epoch}
        return self._frequency.state_dict() | recorded

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to a recorded state; call it after ``on_train_begin``."""
        self._frequency.load_state_dict(state)
        self._epoch = state["epoch"]
        self.recorded.resume(state["lines"], state["pending"])

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: it has recorded nothing."""
        return {**super().__getstate__(), "tape": None}

    @property
    def recorder(self) -> "Recorder":
        """What a run asks its callbacks for, which is this one."""
        return self

    @property
    def recorded(self) -> Tape:
        """The record, which begins here if there is none."""
        if self.tape is None:  # in a loop of the user's own that has no beginning
            self.tape = Tape(self.directory, where=f"Recorder({self.directory!r})")
        return self.tape
