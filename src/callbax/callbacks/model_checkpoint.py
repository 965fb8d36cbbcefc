"""Saving the model or its weights while training."""

import os
from collections.abc import Iterator
from typing import Any

from callbax._core._arguments import number, path
from callbax._core._errors import describe, explain
from callbax._core._frequency import Frequency, FrequencyLike, FrequencySetting
from callbax._core._hooks import Logs
from callbax._core._warnings import warn
from callbax.callbacks._callback import Execution
from callbax.callbacks._checks import overrides
from callbax.callbacks._demands import need_savable
from callbax.callbacks._log_needs import LogNeed
from callbax.callbacks._model_view import is_in_lead, model_of
from callbax.callbacks._monitor_callback import MonitorCallback
from callbax.callbacks._retention import Retention
from callbax.callbacks._settings import Setting, optional
from callbax.callbacks._terminal._console import say
from callbax.saving._paths import PathTemplate, check_directory, check_no_directory, saving


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, every so often, or whenever it is better than before.

    A file is replaced in one step: whatever happens during a save, the one before is whole. The
    same instance may serve several fits: `best` and the counts continue.

    Args:
        filepath: Path of the file; with fields, such as ``"{epoch:02d}-{val_loss:.2f}.keras"``,
            one file per save. Fields are ``epoch`` (counted from 1), ``batch`` (likewise, if
            `save_freq` or the validation that decides is by batch) and the keys of the logs. It
            ends in ``.weights.h5`` with `save_weights_only`, else in ``.keras``. Directories are
            made. An epoch without a key that others have, such as ``val_loss`` with
            ``validation_freq=2``, is not saved.
        monitor: Key in the logs, for `save_best_only` and `keep_best`.
        verbose: 1 prints what is saved and why, 0 nothing.
        save_best_only: Whether to save only what is better than everything before. A save that
            is due when the key is not in the logs, as ``val_loss`` is not in those of a batch,
            waits for the next logs that bring it: those of a validation or an epoch's end.
        save_weights_only: Whether to save only the weights, with the optimizer's.
        mode: ``"min"``, ``"max"``, or ``"auto"``: down for a loss, else as the metric says.
        save_freq: ``"epoch"``, a number of batches, or a number and a unit: ``"3 epochs"``,
            ``"500 batches"``, ``"10 minutes"``. If ``fit`` validates within epochs and a
            ``val_`` key decides, validations count as epochs.
        initial_value_threshold: Value to beat for the first save; None for none.
        keep_best: Of the files saved, how many of the best to keep; the newest stays too. Leave
            `save_best_only` off with it, or only records are looked at.
        keep_last: Of the files saved, how many of the newest to keep. With neither, all stay.
        period: Deprecated; `save_freq` in epochs.

    Attributes:
        best: Best value so far; None before the first.

    Raises:
        ValueError: `filepath`, `save_freq` or the numbers to keep are illegal; or, before the
            first step, the logs will not have a key that is needed.
        TypeError: Before the first step: the model cannot be saved as a whole.
        OSError: Before the first step: the directory cannot be written to, or `filepath` is one.
            Later: a save failed.

    Differs from Keras: `save_best_only` works with `save_freq` by batch; NaN is never the best;
    units in `save_freq`, `keep_best` and `keep_last` are new; bad paths and keys are found before
    the first step.

    Example:
        >>> from types import SimpleNamespace
        >>> callback = ModelCheckpoint("{epoch}.keras", "loss", save_best_only=True)
        >>> callback.model = SimpleNamespace(save=lambda path, overwrite: print("saved", path))
        >>> callback.on_train_begin()
        >>> for epoch, loss in enumerate([0.5, 0.6, 0.4]):
        ...     callback.on_epoch_end(epoch, {"loss": loss})
        saved 1.keras
        saved 3.keras
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()
    filepath: Setting[str] = Setting(path)
    save_freq: FrequencySetting = FrequencySetting("Unrecognized save_freq.")
    _frequency: Frequency

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: FrequencyLike = "epoch",
        initial_value_threshold: float | None = None,
        *,
        keep_best: int | None = None,
        keep_last: int | None = None,
        period: int | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        owner = type(self).__name__
        if period is not None:
            warn(
                f'`{owner}(period=...)` is deprecated; pass `save_freq="{period} epochs"`.',
                DeprecationWarning,
            )
            save_freq = f"{period} epochs"
        self.filepath = filepath
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = optional(number)(owner, "initial_value_threshold", initial_value_threshold)
        self._retention = Retention(keep_best, keep_last, monitor=self._monitor, owner=owner)
        self._keeps_best = keep_best is not None
        self._waiting: int | None = None
        self._check_filepath(owner)

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: none of batches if saves are by epoch."""
        decides = overrides(self, "_should_save_on_batch", ModelCheckpoint)
        return hook != "on_train_batch_end" or self._frequency.by_batch or decides

    @property
    def _template(self) -> PathTemplate:
        return PathTemplate(self.filepath, owner=type(self).__name__)

    @property
    def _reads_monitor(self) -> bool:
        return self.save_best_only or self._keeps_best

    def log_needs(self) -> Iterator[LogNeed]:
        """Returns the keys this reads from the logs, those of `filepath` unless made otherwise."""
        owner, by_batch = type(self).__name__, self._frequency.by_batch
        has_batch = by_batch
        if self._reads_monitor:
            yield LogNeed(self.monitor, f"{owner}(monitor={self.monitor!r})")
            has_batch = by_batch or self._monitor.comes_with_validations(self.model)
        if overrides(self, "_get_file_path", ModelCheckpoint):
            return
        own = {"epoch", "batch"} if has_batch else {"epoch"}
        waits = self._reads_monitor and self.monitor.startswith("val_")
        for field in self._template.fields:
            if field not in own:
                where = f"{owner}(filepath={self.filepath!r})"
                yield LogNeed(field, where, in_batches=by_batch and not waits, surely=True)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Sees that the files can be written."""
        owner = type(self).__name__
        self._check_filepath(owner)
        if self._reads_monitor:
            self._need_direction()
        check_no_directory(self.filepath, owner=owner, argument="filepath")
        where = f"{owner}(filepath={self.filepath!r})"
        check_directory(self._template.directory, where=where)
        if not self.save_weights_only and not overrides(self, "_save_model", ModelCheckpoint):
            need_savable(self, where)
        self._frequency.start()
        self._waiting = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, for saves within it."""
        self._monitor.epoch_began(epoch)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves if it is due."""
        if self._should_save_on_batch(batch):
            if self._reads_monitor and self.monitor not in (logs or {}):
                self._waiting = batch
            else:
                self._save_model(self._monitor.epoch, batch, logs or {})

    def on_validation_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves if it is due and the validation has what decides about it."""
        if self._reads_monitor and self._monitor.validation_ended(logs):
            self._save_if_due(self._monitor.epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves if it is due, unless validations within the epoch have decided about it."""
        if not self._reads_monitor or self._epoch_decides(logs):
            self._save_if_due(epoch, self._waiting, logs or {})

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold: the best value, counts, and files to keep."""
        return {
            "best": self.best,
            "waiting": self._waiting,
            **self._frequency.state_dict(),
            **self._monitor.state_dict(),
            **self._retention.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``."""
        self.best = state["best"]
        self._waiting = state["waiting"]
        self._frequency.load_state_dict(state)
        self._monitor.load_state_dict(state)
        self._retention.load_state_dict(state)

    def _save_if_due(self, epoch: int, batch: int | None, logs: Logs) -> None:
        waits, self._waiting = self._waiting is not None, None
        if self._frequency.epoch_ended() or waits:
            self._save_model(epoch, batch, logs)

    # For subclasses, under the names that Keras has for them

    @property
    def _current_epoch(self) -> int:
        return self._monitor.epoch

    def _should_save_on_batch(self, batch: int) -> bool:
        """Counts a batch; returns whether a save is due after it."""
        return self._frequency.batch_ended()

    def _save_model(self, epoch: int, batch: int | None, logs: Logs | None) -> None:
        """Saves what is due, if it is good enough.

        Args:
            epoch: The epoch, counted from 0.
            batch: The batch after which it is due, likewise; None at an epoch's end.
            logs: Logs of the batch or epoch.
        """
        logs = logs or {}
        if lacking := self._lacking(logs):
            self._say(epoch, f"not saved, as there is no {lacking} to name the file by")
            return
        file = self._get_file_path(epoch, batch, logs)
        if not self._should_save_model(epoch, batch, logs, file):
            return
        if directory := os.path.dirname(file):
            os.makedirs(directory, exist_ok=True)
        check_no_directory(file, owner=type(self).__name__, argument="filepath")
        with saving(file, owner=type(self).__name__):
            if self.save_weights_only:
                model_of(self).save_weights(file, overwrite=True)
            else:
                model_of(self).save(file, overwrite=True)
        self._say(epoch, f"finished saving model to {file}")
        if is_in_lead(self):
            self._retention.add(file, self._monitor.read(logs) if self._keeps_best else None)

    def _get_file_path(self, epoch: int, batch: int | None, logs: Logs | None) -> str:
        """Returns the path of a file; arguments are those of `_save_model`."""
        values = {**(logs or {}), "epoch": epoch + 1}
        if batch is not None:
            values.setdefault("batch", batch + 1)
        return self._template.fill(values)

    def _should_save_model(
        self, epoch: int, batch: int | None, logs: Logs | None, filepath: str
    ) -> bool:
        """Returns whether it is good enough to be saved, and records a new best value.

        Args:
            epoch: As for `_save_model`, and so the next two.
            batch: The batch.
            logs: The logs.
            filepath: The path of the file.
        """
        if not self.save_best_only:
            self._say(epoch, f"saving model to {filepath}")
            return True
        value = self._monitor.read(logs)
        if value is None:  # Warned about; better one file too many than none.
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(value, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {best}")
            return False
        self._say(
            epoch, f"{self.monitor} improved from {best} to {value:.5f}, saving model to {filepath}"
        )
        self.best = value
        return True

    # Inside

    def _lacking(self, logs: Logs) -> str | None:
        """Returns a key that names files and that only the logs of other epochs have."""
        comes = getattr(self.model, "log_keys", None)
        if not isinstance(comes, tuple) or overrides(self, "_get_file_path", ModelCheckpoint):
            return None
        lacking = (field for field in self._template.fields if field not in logs)
        return next((field for field in lacking if field in comes), None)

    def _say(self, epoch: int, message: str) -> None:
        if self.verbose > 0:
            say(self, f"\nEpoch {epoch + 1}: {message}")

    def _check_filepath(self, owner: str) -> None:
        template = self._template
        where = f"{owner}(filepath={self.filepath!r})"
        endings = (".weights.h5",) if self.save_weights_only else (".keras",)
        if not self.filepath.endswith(endings):
            raise ValueError(
                explain(
                    where,
                    expected=f"a path that ends in {' or '.join(endings)}, as "
                    f"save_weights_only={self.save_weights_only}",
                    received=describe(self.filepath),
                    action=f'Append "{endings[0]}".',
                )
            )
        if self._retention.active and not template.fields:
            raise ValueError(
                explain(
                    where,
                    expected="a path with a field, as only some of several files are to be kept",
                    received="one path for all saves",
                    action='Add a field, as in "{epoch:02d}.keras", or leave out `keep_best` and '
                    "`keep_last`.",
                )
            )
