"""Checkpoints in Orbax's format, written in the background."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from callbax._core._arguments import number, optional_count, path
from callbax._core._frequency import Frequency, FrequencyLike, FrequencySetting
from callbax._core._hooks import Logs
from callbax._core._orbax import load_orbax
from callbax.callbacks._callback import Execution
from callbax.callbacks._log_needs import LogNeed
from callbax.callbacks._model_view import model_of
from callbax.callbacks._monitor_callback import MonitorCallback
from callbax.callbacks._settings import Setting, optional
from callbax.callbacks._terminal._console import say
from callbax.saving._orbax import writing_orbax
from callbax.saving._paths import check_directory, saving


def _absolute(owner: str, argument: str, value: Any) -> str:
    return os.path.abspath(path(owner, argument, value))


class OrbaxCheckpoint(MonitorCallback):
    """Saves the model's state in Orbax's format, in the background; needs `orbax-checkpoint`.

    Use it for states too large for one file or one process, else `ModelCheckpoint`. Each
    checkpoint is a directory named after the epoch, counted from 0, or, if `save_freq` or the
    validation that decides is by batch, after the training steps taken; one of that name from
    before is replaced. In it, ``pytree`` holds nested dicts of arrays as
    ``model.get_state_tree()`` returns them.

    Args:
        directory: Where the checkpoints go; it is made if need be.
        monitor: Key in the logs, for `save_best_only`.
        verbose: 1 prints each save, 0 nothing.
        save_best_only: Whether to save only what is better than everything before.
        mode: ``"min"``, ``"max"``, or ``"auto"``: down for a loss, else as the metric says.
        save_freq: ``"epoch"``, a number of batches, or a number and a unit: ``"3 epochs"``,
            ``"500 batches"``, ``"10 minutes"``. If ``fit`` validates within epochs and a
            ``val_`` key decides, validations count as epochs.
        initial_value_threshold: Value to beat for the first save; None for none.
        max_to_keep: How many of the newest to keep; None for all.
        save_on_background: Whether training continues while the disk is written to. A save that
            fails raises at the next save or at the end of training.
        save_weights_only: Whether to leave out the optimizer's and metrics' state.

    Attributes:
        best: Best value so far; None before the first.

    Raises:
        ImportError: `orbax-checkpoint` is not installed.
        ValueError: `save_freq` or `max_to_keep` is illegal; or, before the first step, the logs
            will not have `monitor`.
        OSError: Before the first step: the directory cannot be written to. Later: a save failed.

    Differs from Keras: the same instance may serve several fits; a failed save is an error;
    ``model_config`` is not written; `verbose` prints.

    Example:
        >>> callback = OrbaxCheckpoint("checkpoints", save_freq="2 epochs")
        >>> callback.max_to_keep
        1
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()
    directory: Setting[str] = Setting(_absolute)
    max_to_keep: Setting[int | None] = Setting(
        partial(
            optional_count,
            expected="a positive number of checkpoints, or None to keep all",
            action="The newest one is always kept.",
        )
    )
    save_freq: FrequencySetting = FrequencySetting()
    _frequency: Frequency

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: FrequencyLike = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode)
        owner = type(self).__name__
        load_orbax(owner)
        self.directory = directory
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self.best = optional(number)(owner, "initial_value_threshold", initial_value_threshold)
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self._waiting = False
        self._steps = 0
        self._checkpointer: Any = None
        self._pending: Any = None

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: none of batches if saves are by epoch."""
        return hook != "on_train_batch_end" or self._frequency.by_batch or self.save_best_only

    def log_needs(self) -> Iterator[LogNeed]:
        """Returns the key this reads from the logs."""
        if self.save_best_only:
            yield LogNeed(self.monitor, f"{type(self).__name__}(monitor={self.monitor!r})")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Opens the directory."""
        if self.save_best_only:
            self._need_direction()
        check_directory(self.directory, where=f"{type(self).__name__}({self.directory!r})")
        training = load_orbax(type(self).__name__).training
        keep = self.max_to_keep
        self._checkpointer = training.Checkpointer(
            self.directory,
            preservation_policy=keep and training.preservation_policies.LatestN(keep),
        )
        self._frequency.start()
        self._waiting = False
        # An optimizer that accumulates gradients counts one update for several steps.
        optimizer = model_of(self).optimizer
        each = getattr(optimizer, "gradient_accumulation_steps", None) or 1
        self._steps = int(optimizer.iterations) * each

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, for validations within it."""
        self._monitor.epoch_began(epoch)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves if it is due; not called if neither saves nor validations are by batch."""
        self._steps += 1
        if self._frequency.batch_ended():
            if self.save_best_only and self.monitor not in (logs or {}):
                self._waiting = True
            else:
                self._save(self._steps, logs)

    def on_validation_end(self, batch: int, logs: Logs | None = None) -> None:
        """Saves if it is due and the validation has what decides about it."""
        if self.save_best_only and self._monitor.validation_ended(logs):
            self._save_if_due(self._steps, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Saves if it is due, unless validations within the epoch have decided about it."""
        if not self.save_best_only or self._epoch_decides(logs):
            self._save_if_due(self._steps if self._waiting else epoch, logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Waits until everything is written."""
        self.wait_until_finished()

    def wait_until_finished(self) -> None:
        """Waits until everything is written.

        Raises:
            OSError: A save failed.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            with self._writing():
                pending.result()

    def teardown(self) -> None:
        """Waits until everything is written and closes the directory."""
        checkpointer, self._checkpointer = self._checkpointer, None
        try:
            self.wait_until_finished()
        finally:
            if checkpointer is not None:
                checkpointer.close()

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold."""
        return {
            "best": self.best,
            "waiting": self._waiting,
            "steps": self._steps,
            **self._frequency.state_dict(),
            **self._monitor.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``."""
        self.best = state["best"]
        self._waiting = state["waiting"]
        self._steps = state["steps"]
        self._frequency.load_state_dict(state)
        self._monitor.load_state_dict(state)

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: it waits for no save of this one."""
        return {**super().__getstate__(), "_checkpointer": None, "_pending": None}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Names callback and path in an error of Orbax, and removes what it has half written."""
        with saving(self.directory, owner=type(self).__name__), writing_orbax(self.directory):
            yield

    def _save_if_due(self, step: int, logs: Logs | None) -> None:
        waits, self._waiting = self._waiting, False
        if self._frequency.epoch_ended() or waits:
            self._save(step, logs)

    def _save(self, step: int, logs: Logs | None) -> None:
        if self.save_best_only:
            value = self._monitor.read(logs)
            if value is None or not self._is_improvement(value, self.best):
                return
            self.best = value
        if self.verbose > 0:
            say(self, f"\nSaving checkpoint {step} to {self.directory}")
        model = model_of(self)
        tree = model.get_state_tree()
        parts: dict[str, Any] = {"pytree": tree}
        if self.save_weights_only:
            names = ("trainable_variables", "non_trainable_variables")
            parts["pytree"] = {name: tree[name] for name in names}
        elif (described := _description(model)) is not None:
            parts["model_config"] = {"config": described}  # with it, Keras loads the whole model
        self.wait_until_finished()
        with self._writing():
            self._pending = self._checkpointer.save_checkpointables_async(
                step, parts, force=True, overwrite=True
            )
        if not self.save_on_background:
            self.wait_until_finished()


def _description(model: Any) -> str | None:
    """Returns what a model is made of, as JSON; None if it does not tell."""
    describe = getattr(type(model), "described", None)
    return None if describe is None else describe(model)
