"""Going on after an interruption as if there had been none."""

import json
import os
import warnings
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback
from callbax.callbacks._checks import leave_out
from callbax.callbacks._frequency import Frequency
from callbax.callbacks._paths import check_directory, remove_files, saving
from callbax.callbacks._record import read_record, write_record
from callbax.saving._atomic import replacing, temporaries

_WEIGHTS = "latest.weights.h5"
_METADATA = "training_metadata.json"
_PREVIOUS = ".bkp"


class BackupAndRestore(Callback):
    """Backs the whole run up now and then; a fit that was interrupted goes on from there.

    Start the same script again: ``fit`` continues at the very batch, with the same data order,
    optimizer, random numbers, running metrics and callbacks, and ends where it would have ended.
    That holds for callbacks that have ``state_dict`` and ``load_state_dict``, as the built-in ones
    do; others start anew. Whatever happens during a backup, the one before is whole. An exception
    keeps the backup, a fit that ends removes it.

    The hooks of this callback run after those of all others, whatever its place in the list: a
    batch or epoch counts as done when every callback has seen its end.

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
        ValueError: `backup_dir` is empty or `save_freq` illegal.
        OSError: Before the first step: `backup_dir` cannot be written to, or the backup in it
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

    execution = "fused"
    adds_logs = ()
    runs_last = True

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: Any = "epoch",
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
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._frequency = Frequency(save_freq, owner=type(self).__name__)
        self._weights_path = os.path.join(self.backup_dir, _WEIGHTS)
        self._training_metadata_path = os.path.join(self.backup_dir, _METADATA)
        self._where = f"{type(self).__name__}({self.backup_dir!r})"
        self._callbacks: Any = None
        self._current_epoch = 0
        self._resumed: tuple[str, int] | None = None
        if not self._frequency.by_batch:
            leave_out(self, "on_train_batch_end", BackupAndRestore)

    def set_callback_list(self, callbacks: Any) -> None:
        """Takes the `CallbackList` of the run, whose state belongs to the backup."""
        self._callbacks = callbacks

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restores the backup, if there is one."""
        check_directory(self.backup_dir, where=self._where)
        self._frequency.start()
        self._resumed = None
        previous = self._weights_path + _PREVIOUS
        try:
            if os.path.exists(self._weights_path):
                self._resume(self._weights_path)
            elif os.path.exists(previous):  # Killed between the two renames of `_save`.
                self._resume(previous)
        except OSError as error:
            if not os.path.exists(previous):
                raise
            warnings.warn(
                f"{self._where}: the last backup cannot be read ({type(error).__name__}); going "
                "on from the one before.",
                stacklevel=2,
            )
            self._resume(previous)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Undoes what others did at the begin of an epoch that had begun before the backup."""
        self._current_epoch = epoch
        resumed, self._resumed = self._resumed, None
        if resumed is not None and resumed[1] > 0:
            self._restore(resumed[0])

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves if it is due; not called at all where `save_freq` is in epochs."""
        if self._frequency.batch_ended():
            self._save(self._current_epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves if it is due."""
        self._current_epoch = epoch + 1
        if self._frequency.epoch_ended():
            self._save(epoch + 1, 0)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Removes the backup."""
        if self.delete_checkpoint:
            names = (_WEIGHTS, _METADATA, _WEIGHTS + _PREVIOUS, _METADATA + _PREVIOUS)
            paths = (self._weights_path, self._training_metadata_path)
            killed = (left.name for path in paths for left in temporaries(path))
            remove_files(self.backup_dir, *names, *killed)

    def state_dict(self) -> dict[str, Any]:
        """Returns the count of epochs or batches since the last backup."""
        return self._frequency.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up a recorded state; call it after ``on_train_begin``."""
        self._frequency.load_state_dict(state)

    def _save(self, epoch: int, batch: int) -> None:
        # A run that was asked to stop has no next batch to resume at; the backup before leads
        # to the same end.
        if self.model.stop_training:
            return
        record = {
            "epoch": epoch,
            "batch": batch,
            "model": self.model.training_state(),
            "callbacks": {} if self._callbacks is None else self._callbacks.state_dict(),
        }
        os.makedirs(self.backup_dir, exist_ok=True)
        with saving(self._weights_path, owner=type(self).__name__):
            previous = self._weights_path + _PREVIOUS if self.double_checkpoint else None
            write_record(
                self._weights_path, self.model, record, where=self._where, previous=previous
            )
            metadata = self._training_metadata_path
            if self.double_checkpoint and os.path.exists(metadata):
                os.replace(metadata, metadata + _PREVIOUS)
            with replacing(metadata, where=self._where) as temporary:
                temporary.write_text(json.dumps({"epoch": epoch, "batch": batch}))

    def _resume(self, path: str) -> None:
        record = self._restore(path)
        self.model.resume_from(record["epoch"], record["batch"])
        self._resumed = path, record["batch"]

    def _restore(self, path: str) -> dict[str, Any]:
        record = read_record(path, self.model, where=self._where)
        self.model.restore_training_state(record["model"])
        if self._callbacks is not None:
            self._callbacks.load_state_dict(record["callbacks"])
        return record
