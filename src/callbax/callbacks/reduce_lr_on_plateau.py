"""Reducing the learning rate when a metric no longer improves."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from callbax._core._arguments import count, is_number, number
from callbax._core._errors import describe, explain
from callbax._core._hooks import Logs
from callbax._core._run_events import RunEvent
from callbax._core._warnings import warn
from callbax.callbacks._callback import Execution
from callbax.callbacks._checks import overrides
from callbax.callbacks._demands import need_settable_rate
from callbax.callbacks._log_needs import LogNeed
from callbax.callbacks._model_view import OptimizerView, model_of
from callbax.callbacks._monitor_callback import MonitorCallback
from callbax.callbacks._settings import Setting
from callbax.callbacks._terminal._console import place, say


def _factor(owner: str, argument: str, value: Any) -> float:
    if is_number(value) and 0 <= value < 1:
        return float(value)
    raise ValueError(
        explain(
            f"{owner}({argument}={value!r})",
            expected="a factor from 0 up to, but not, 1",
            received=describe(value),
            action=f"{owner} does not support a factor >= 1.0: it could not reduce.",
        )
    )


_epochs = partial(count, least=0, expected="0 or more epochs", action="Pass 0 not to wait.")


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by a factor when a quantity has stopped improving.

    At each epoch end the rate that the epoch used last is added to the logs as
    ``learning_rate``. An epoch without the quantity is warned about and not counted. Where
    ``fit`` validates within epochs and `monitor` is a ``val_`` key, validations are looked at
    and counted in place of epochs. The same instance may serve several fits: each starts afresh.

    Args:
        monitor: Key in the epoch's, or the validation's, logs.
        factor: What to multiply the rate by, at least 0 and below 1.
        patience: Epochs without improvement after which to reduce; 0 or more.
        verbose: 1 prints each reduction, 0 nothing.
        mode: ``"min"``, ``"max"``, or ``"auto"``: down for a loss, else as the metric says.
        min_delta: Least change that counts as an improvement, in units of the quantity.
        cooldown: Epochs after a reduction that are not counted; 0 or more.
        min_lr: The rate is not reduced below this.
        epsilon: Deprecated; the older name of `min_delta`.

    Attributes:
        best: Best value so far; None before the first.
        wait: Epochs since the last improvement.
        cooldown_counter: Epochs of cooldown left.
        reductions: Epoch and batch, counted from 0, the batch None at an epoch's end, and the new
            rate, of each reduction in the run.

    Raises:
        ValueError: A number is out of bounds; or, before the first epoch, mode is "auto" and
            it is unknown which way is better, or the optimizer keeps its rate to itself.
        TypeError: Before the first epoch: a schedule sets the rate.

    Differs from Keras: NaN never becomes the best value; a negative `patience` or `cooldown` and
    unknown arguments are refused; validations within epochs, which Keras does not have, count as
    epochs.

    Example:
        >>> from types import SimpleNamespace
        >>> callback = ReduceLROnPlateau("loss", factor=0.5, patience=1, verbose=1)
        >>> callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5)))
        >>> callback.on_train_begin()
        >>> for epoch, loss in enumerate([0.5, 0.5]):
        ...     callback.on_epoch_end(epoch, {"loss": loss})
        <BLANKLINE>
        Epoch 2: ReduceLROnPlateau reducing learning rate to 0.25.
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ("learning_rate",)
    factor: Setting[float] = Setting(_factor)
    patience: Setting[int] = Setting(_epochs)
    cooldown: Setting[int] = Setting(_epochs)
    min_lr: Setting[float] = Setting(number)

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        *,
        epsilon: float | None = None,
    ) -> None:
        if epsilon is not None:
            warn(
                f"`{type(self).__name__}(epsilon=...)` is deprecated; pass `min_delta={epsilon}`.",
                DeprecationWarning,
            )
            min_delta = epsilon
        super().__init__(monitor, mode, min_delta)
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.wait: int = 0
        self.cooldown_counter: int = 0
        self.reductions: list[tuple[int, int | None, float]] = []
        self._batch: int | None = None

    def log_needs(self) -> Iterator[LogNeed]:
        """Returns the key this reads from the logs."""
        yield LogNeed(self.monitor, f"{type(self).__name__}(monitor={self.monitor!r})")

    def run_events(self) -> Iterator[RunEvent]:
        """Returns the reductions so far, for ``history.events``."""
        for epoch, batch, rate in self.reductions:
            name = type(self).__name__
            yield RunEvent("learning_rate", name, epoch, batch, self.monitor, rate)

    def in_cooldown(self) -> bool:
        """Returns whether epochs are not counted now."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier run, and sees that the rate can be set."""
        self._need_direction()
        if not overrides(self, "_reduce_optimizer_lr", ReduceLROnPlateau):
            need_settable_rate(self)
        self.reductions = []
        self._reset()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, for validations within it."""
        self._monitor.epoch_began(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Looks at the epoch and reduces the rate when patience has run out."""
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(model_of(self).optimizer.learning_rate)
        if self._epoch_decides(logs):
            self._judge(epoch, None, logs)

    def on_validation_end(self, batch: int, logs: Logs | None = None) -> None:
        """Looks at a validation within the epoch likewise, if it has the quantity."""
        if self._monitor.validation_ended(logs):
            self._judge(self._monitor.epoch, batch, logs)

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold."""
        own = {name: getattr(self, name) for name in _STATE}
        reductions = [list(reduction) for reduction in self.reductions]
        return {**own, "reductions": reductions, **self._monitor.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``, which resets."""
        for name in _STATE:
            setattr(self, name, state[name])
        # A run that was recorded by an earlier version has none.
        self.reductions = [(e, b, rate) for e, b, rate in state.get("reductions", ())]
        self._monitor.load_state_dict(state)

    def _reset(self) -> None:
        """Forgets the best value and what was counted."""
        self.best = None
        self.wait = self.cooldown_counter = 0

    def _judge(self, epoch: int, batch: int | None, logs: Logs | None) -> None:
        current = self._monitor.read(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait < self.patience:
                return
            self._batch = batch
            if self._reduce_optimizer_lr(model_of(self).optimizer, epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce_optimizer_lr(self, optimizer: OptimizerView, epoch: int, name: str = "") -> bool:
        """Reduces the rate, unless it is at its least; returns whether it did."""
        old = float(optimizer.learning_rate)
        # The current rate was rounded to float32; so must be what it is compared with.
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        optimizer.learning_rate = new
        self.reductions.append((epoch, self._batch, new))
        if self.verbose > 0:
            at, whose = place(epoch, self._batch).capitalize(), f" {name}" if name else ""
            say(self, f"\n{at}: ReduceLROnPlateau reducing{whose} learning rate to {new}.")
        return True


_STATE = ("best", "wait", "cooldown_counter")
