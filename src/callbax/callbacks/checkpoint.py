"""Recording a run so that it survives anything."""

import math
import os
from typing import Any, Literal

from callbax._core._arguments import one_of, optional_count
from callbax._core._errors import describe, explain
from callbax._core._frequency import FrequencyLike
from callbax._core._hooks import Logs
from callbax._stores._checkpoint_store import CheckpointStore, step_name
from callbax._stores._fits import count_fit, fits_ended
from callbax._stores._format import FORMATS
from callbax._stores._protocol import RunState, RunStore
from callbax.callbacks._log_needs import LogNeed
from callbax.callbacks._model_view import is_in_lead
from callbax.callbacks._monitor import Monitor
from callbax.callbacks._number import as_number
from callbax.callbacks._recording import Recording


class Checkpoint(Recording[CheckpointStore]):
    """Records the run in a directory; the same script, started again, continues from there.

    ``fit(..., resume="runs/exp1")`` makes one by itself. Each fit of a script has a directory of
    its own inside, ``fit-0``, ``fit-1``...; one that is over is not trained again: its end is put
    in place. States are written while training goes on, read again before they count, and only
    then do older ones go; one that is damaged later is passed over with a warning. They are weights
    files that `Model.load_weights` reads.

    Args:
        directory: Where the run is recorded; used for nothing else.
        save_freq: ``"epoch"``, a number of batches, or a number and a unit: ``"3 epochs"``,
            ``"500 batches"``, ``"10 minutes"``. The run is also recorded when it begins, when it
            ends, and when Ctrl-C or SIGTERM interrupts it.
        keep: How many of the newest states to keep.
        keep_best: How many of the best to keep beside them.
        monitor: Key of the epochs' logs that tells which are best.
        mode: ``"min"``, ``"max"`` or ``"auto"``: which way is better.
        allow_changes: Whether a fit that differs from the recorded one, in its model, optimizer,
            loss, data or callbacks, continues it all the same, with a warning that names what
            differs.
        format: ``"hdf5"``: one file, which the first process writes and for which the arrays are
            put together in its memory. ``"orbax"``: a directory in Orbax's format, to which every
            process writes the parts that are on its devices, for states that are larger. Both
            continue on any number of devices.

    Raises:
        ValueError: An argument is illegal; or, before the first hook, the record is that of
            another fit.
        OSError: Before the first hook: the directory cannot be written to, another run uses it, or
            nothing of what it holds can be read. Later: a state could not be written.

    Differs from Keras: new.

    Example:
        >>> callback = Checkpoint("runs/exp1", "500 batches", keep=3)
        >>> callback.best is None
        True
    """

    min_delta: float = 0.0

    def __init__(
        self,
        directory: str | os.PathLike[str],
        save_freq: FrequencyLike = "epoch",
        *,
        keep: int = 2,
        keep_best: int | None = None,
        monitor: str = "val_loss",
        mode: str = "auto",
        allow_changes: bool = False,
        format: Literal["hdf5", "orbax"] = "hdf5",
    ) -> None:
        super().__init__()
        if not directory:
            raise ValueError(
                explain(
                    f"Checkpoint({directory!r})",
                    expected="the path of a directory",
                    received=describe(directory),
                    action="Name a directory of its own.",
                )
            )
        self.directory: str = os.fspath(directory)
        self.save_freq = save_freq
        self.keep: int = optional_count("Checkpoint", "keep", keep) or 2
        self.keep_best: int = optional_count("Checkpoint", "keep_best", keep_best) or 0
        self.monitor, self.mode = monitor, mode
        self.allow_changes = allow_changes
        self.format = one_of("Checkpoint", "format", format, list(FORMATS))
        self._monitor = Monitor(self)
        self._values: dict[int, float] = {}
        self._value = math.nan

    @property
    def best(self) -> str | None:
        """The weights file of the best state that is kept; None if none has a value."""
        ranked = self._ranked()
        name = step_name(ranked[0], FORMATS[self.format]) if ranked else None
        return name and os.path.join(self._fit_directory, name)

    def log_needs(self) -> list[LogNeed]:
        """Returns the key that it reads from the logs, if it is to keep the best."""
        return [LogNeed(self.monitor, "Checkpoint(monitor=...)")] if self.keep_best else []

    def run_store(self) -> RunStore:
        """Returns where the run is kept; ``fit`` asks for it and reads it before the first hook."""
        self._store = CheckpointStore(
            self._fit_directory,
            owner=type(self).__name__,
            format=self.format,
            allow_changes=self.allow_changes,
            spans=self._spans,
            writes=is_in_lead(self),
        )
        self._is_new = not self._store.paths()
        return self._store

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Records a run that has no record yet."""
        if self.keep_best:
            self._monitor.resolve(self.model)
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the run if it is due."""
        value = as_number((logs or {}).get(self.monitor)) if self.keep_best else None
        self._value = math.nan if value is None else value
        super().on_epoch_end(epoch, logs)
        self._value = math.nan

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Records that the fit is over."""
        model = self.model
        if model is not None and self._store is not None:
            whole = not self._store.divided
            self._store.write(model.run_state(finished=True, whole=whole))
            self._store.wait()  # here a failure is an error; in `teardown` it would be a warning
        count_fit(self.directory)

    def state_dict(self) -> dict[str, Any]:
        """Returns the count since the last state, and the values of those that are kept."""
        return super().state_dict() | {"values": dict(self._values)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``."""
        super().load_state_dict(state)
        self._values = dict(state["values"])

    # Inside

    @property
    def _fit_directory(self) -> str:
        return os.path.join(self.directory, f"fit-{fits_ended(self.directory)}")

    def _write(self, run: RunState) -> None:
        if self._store is None:  # in a loop of the user's own, which `fit` does not continue
            return
        if not math.isnan(self._value):
            self._values[run.steps] = self._value
        newest = [step for step in self._store.steps() if step < run.steps][1 - self.keep :]
        kept = {*(newest if self.keep > 1 else ()), run.steps, *self._ranked()[: self.keep_best]}
        self._values = {step: value for step, value in self._values.items() if step in kept}
        self._store.write(run, keep=kept)

    def _ranked(self) -> list[int]:
        """Returns the steps of the states that have a value, the best first."""
        ranked: list[int] = []
        for step, value in self._values.items():
            better = (self._monitor.improves(self._values[other], value) for other in ranked)
            ranked.insert(sum(better), step)
        return ranked
