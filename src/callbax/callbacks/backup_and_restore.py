"""Continuing after an interruption as if there had been none."""

import os
from dataclasses import replace
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._frequency import Frequency, FrequencyLike, FrequencySetting
from callbax._core._hooks import Logs
from callbax._core._warnings import warn
from callbax._stores._hdf5_store import Hdf5Store
from callbax._stores._protocol import RunState, RunStore
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._checks import overrides
from callbax.callbacks._model_view import model_of

_EARLIER = "earlier"

_fits_done: dict[str, int] = {}
"""Directory -> fits with it that ended in this process, and so removed their backups."""


class BackupAndRestore(Callback):
    """Backs up the whole run every now and then; a fit that was interrupted continues from there.

    Start the same script again: ``fit`` continues at the very batch, with the same data order,
    optimizer, random numbers, running metrics and callbacks, and ends where it would have ended.
    The hook of an epoch that had begun is not called again. That holds for callbacks that have
    ``state_dict`` and ``load_state_dict``, as the built-in ones do; others start afresh. Whatever
    happens during a backup, the one before is whole. An exception keeps the backup, a fit that
    ends removes it.

    The hooks of this callback run after those of all others, whatever its place in the list: a
    batch or epoch counts as done when every callback has seen its end.

    A script may fit several times with one directory, one fit after the other. A backup belongs
    to the fit of its number: started again, the script runs those before it from their beginnings,
    with a warning, as it cannot know how they ended. They keep their own backups meanwhile in a
    directory ``earlier`` inside.

    Args:
        backup_dir: Directory for the backup, used for nothing else. ``latest.weights.h5`` holds
            the weights and the optimizer as Keras reads them, and the rest of the run;
            ``training_metadata.json`` says where the run is, for people.
        save_freq: ``"epoch"``, a number of batches, or a number and a unit: ``"3 epochs"``,
            ``"500 batches"``, ``"10 minutes"``.
        double_checkpoint: Whether to keep the backup before the last too, for when the last
            cannot be read.
        delete_checkpoint: Whether to remove the backup when training ends normally.

    Raises:
        ValueError: `backup_dir` is empty or `save_freq` illegal; or, before the first hook, the
            backup is that of another model.
        OSError: Before the first hook: `backup_dir` cannot be written to, or the backup in it
            cannot be read. Later: a backup failed.

    Differs from Keras: a backup within an epoch is resumed at its batch, not at the epoch's
    start; `History` holds the epochs before the interruption too; callbacks are restored;
    ``save_freq=False`` is refused; a later fit starts at its first epoch again; only its own
    files are removed.

    Example:
        >>> callback = BackupAndRestore("backup", save_freq="10 minutes")
        >>> callback.runs_last
        True
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()
    runs_last: bool = True
    save_freq: FrequencySetting = FrequencySetting("Invalid value for argument `save_freq`.")
    _frequency: Frequency

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: FrequencyLike = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError(
                explain(
                    f"BackupAndRestore(backup_dir={backup_dir!r})",
                    expected="the path of a directory",
                    received=describe(backup_dir),
                    action="Empty `backup_dir` argument passed: name a directory of its own.",
                )
            )
        self.backup_dir: str = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._next_epoch: int | None = None
        self._store: Hdf5Store | None = None
        self._begun = 0

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: none of batches if saves are by epoch."""
        decides = overrides(self, "_should_save_on_batch", BackupAndRestore)
        return hook != "on_train_batch_end" or self._frequency.by_batch or decides

    def run_store(self) -> RunStore:
        """Returns where the run is kept; ``fit`` asks for it and reads it before the first hook."""
        # A number: what the optimizer gives is live.
        directory, steps = self.backup_dir, int(getattr(model_of(self).optimizer, "iterations", 0))
        self._store = self._store_in(directory)
        while (kept := self._store.latest()) is not None and self._is_later(kept, steps):
            warn(
                f"{type(self).__name__}({directory!r}): it holds the backup of a later fit, which "
                f"began after {kept.begun} steps and {kept.fit} fits. This one begins after "
                f"{steps} steps and {self._number} fits, and starts without it. Remove that "
                "directory to forget the later fit."
            )
            directory = os.path.join(directory, _EARLIER)
            self._store = self._store_in(directory)
        self._begun = steps if kept is None else kept.begun
        return self._store

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the clock."""
        self._frequency.start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves if it is due."""
        if self._should_save_on_batch(batch):
            self._save_model()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves if it is due."""
        if self._frequency.epoch_ended():
            # Said here as well, for a loop of the user's own, of which the model does not know.
            self._next_epoch = epoch + 1
            self._save_model()
            self._next_epoch = None

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Removes the backup."""
        if self.delete_checkpoint:
            self._kept.clear()
            place = os.path.realpath(self.backup_dir)
            _fits_done[place] = self._number + 1

    def teardown(self) -> None:
        """Lets the next fit look for its backup."""
        self._store = None

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: it looks for a backup of its own."""
        return {**super().__getstate__(), "_store": None}

    def state_dict(self) -> dict[str, Any]:
        """Returns the count of epochs or batches since the last backup."""
        return self._frequency.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``."""
        self._frequency.load_state_dict(state)

    # For subclasses, under the names that Keras has for them

    def _should_save_on_batch(self, batch: int) -> bool:
        """Counts a batch; returns whether a backup is due after it."""
        return self._frequency.batch_ended()

    def _save_model(self) -> None:
        """Backs up the run."""
        # A run that was asked to stop has no next batch to resume at; the backup before leads
        # to the same end.
        model = model_of(self)
        if not model.stop_training and model.is_lead:
            run = replace(model.run_state(), fit=self._number, begun=self._begun)
            if self._next_epoch is not None:
                run = replace(run, epoch=self._next_epoch, batch=0)
            self._kept.write(run)

    # Inside

    @property
    def _kept(self) -> Hdf5Store:
        """The store of the fit under way, or that of a loop of the user's own."""
        return self._store or self._store_in(self.backup_dir)

    @property
    def _number(self) -> int:
        return _fits_done.get(os.path.realpath(self.backup_dir), 0)

    def _is_later(self, kept: RunState, steps: int) -> bool:
        """Returns whether a backup is that of a fit which comes after this one in the script."""
        # An earlier number or count is that of a fit which an exception ended, and which this
        # one continues in the same process.
        return kept.fit > self._number or kept.begun > steps

    def _store_in(self, directory: str) -> Hdf5Store:
        return Hdf5Store(directory, keep_previous=self.double_checkpoint, owner=type(self).__name__)
