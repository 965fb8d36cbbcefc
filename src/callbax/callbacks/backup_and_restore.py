"""Continuing after an interruption as if there had been none."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from callbax._core._errors import describe, explain
from callbax._core._frequency import FrequencyLike
from callbax._core._hooks import Logs
from callbax._core._warnings import warn
from callbax._stores._backup_store import BackupStore
from callbax._stores._fits import count_fit, fits_ended
from callbax._stores._protocol import RunState, RunStore
from callbax.callbacks._model_view import is_in_lead, model_of
from callbax.callbacks._recording import Recording

_EARLIER = "earlier"


class BackupAndRestore(Recording[BackupStore]):
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
        allow_changes: Whether a fit that differs from the one in the backup, in its model,
            optimizer, loss, data or callbacks, continues it all the same, with a warning that
            names what differs.

    Raises:
        ValueError: `backup_dir` is empty or `save_freq` illegal; or, before the first hook, the
            backup is that of another fit.
        OSError: Before the first hook: `backup_dir` cannot be written to, another run uses it, or
            the backup in it cannot be read. Later: a backup failed.

    Differs from Keras: a backup within an epoch is resumed at its batch, not at the epoch's
    start; `History` holds the epochs before the interruption too; callbacks are restored;
    ``save_freq=False`` is refused; a later fit starts at its first epoch again; only its own
    files are removed.

    Example:
        >>> callback = BackupAndRestore("backup", save_freq="10 minutes")
        >>> callback.runs_last
        True
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: FrequencyLike = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        *,
        allow_changes: bool = False,
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
        self.allow_changes = allow_changes
        self._next_epoch: int | None = None
        self._begun = 0

    def run_store(self) -> RunStore:
        """Returns where the run is kept; ``fit`` asks for it and reads it before the first hook."""
        # A number: what the optimizer gives is live.
        directory, steps = self.backup_dir, int(getattr(model_of(self).optimizer, "iterations", 0))
        self._store = self._store_in(directory)
        while (kept := next(self._store.states(), None)) and self._is_later(kept, steps):
            warn(
                f"{type(self).__name__}({directory!r}): it holds the backup of a later fit, which "
                f"began after {kept.begun} steps and {kept.fit} fits. This one begins after "
                f"{steps} steps and {self._number} fits, and starts without it. Remove that "
                "directory to forget the later fit."
            )
            directory = os.path.join(directory, _EARLIER)
            self._store.close()
            self._store = self._store_in(directory)
        self._begun = steps if kept is None else kept.begun
        self._is_new = kept is None
        return self._store

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves if it is due."""
        # Said here as well, for a loop of the user's own, of which the model does not know.
        self._next_epoch = epoch + 1
        super().on_epoch_end(epoch, logs)
        self._next_epoch = None

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Removes the backup."""
        if self.delete_checkpoint:
            with self._kept() as store:
                store.clear()
            count_fit(self.backup_dir)

    # Inside

    def _write(self, run: RunState) -> None:
        run = replace(run, fit=self._number, begun=self._begun)
        if self._next_epoch is not None:
            run = replace(run, epoch=self._next_epoch, batch=0)
        with self._kept() as store:
            store.write(run)

    @contextmanager
    def _kept(self) -> Iterator[BackupStore]:
        """Gives the store of the fit under way, or one for a moment in a loop of the user's own."""
        if self._store is not None:
            yield self._store
            return
        with closing(self._store_in(self.backup_dir)) as store:
            yield store

    @property
    def _number(self) -> int:
        return fits_ended(self.backup_dir)

    def _is_later(self, kept: RunState, steps: int) -> bool:
        """Returns whether a backup is that of a fit which comes after this one in the script."""
        # An earlier number or count is that of a fit which an exception ended, and which this
        # one continues in the same process.
        return kept.fit > self._number or kept.begun > steps

    def _store_in(self, directory: str) -> BackupStore:
        return BackupStore(
            directory,
            keep_previous=self.double_checkpoint,
            owner=type(self).__name__,
            allow_changes=self.allow_changes,
            spans=self._spans,
            writes=is_in_lead(self),
        )
