"""Stopping when a metric no longer improves."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from callbax._core._arguments import count, number, optional_count
from callbax._core._hooks import Logs
from callbax._core._run_events import RunEvent
from callbax.callbacks._callback import Execution
from callbax.callbacks._checks import overrides
from callbax.callbacks._log_needs import LogNeed
from callbax.callbacks._model_view import model_of
from callbax.callbacks._monitor_callback import MonitorCallback
from callbax.callbacks._number import as_number
from callbax.callbacks._settings import Setting, optional
from callbax.callbacks._terminal._console import place, say


class EarlyStopping(MonitorCallback):
    """Stops training when a monitored quantity has stopped improving.

    An epoch without the quantity is warned about and not counted. If ``fit`` validates within
    epochs and `monitor` is a ``val_`` key, validations are looked at and counted in place of
    epochs. The same instance may serve several fits: each starts afresh.

    Args:
        monitor: Key in the epoch's, or the validation's, logs.
        min_delta: Least change that counts as an improvement, in units of the quantity.
        patience: Epochs without improvement after which to stop; 0 or more. None never stops:
            with `restore_best_weights` it is the way to end with the best weights only.
        verbose: 1 prints when it stops and when it restores weights, 0 nothing.
        mode: ``"min"``, ``"max"``, or ``"auto"``: down for a loss, else as the metric says.
        baseline: Value that must be beaten too for the patience to start again; None for none.
        restore_best_weights: Whether to put the best epoch's weights back when training ends
            normally, by itself or stopped by anyone. The best epoch is the best of those counted,
            even if it did not beat `baseline`.
        start_from_epoch: Number of epochs to ignore at the start.

    Attributes:
        best: Best value so far; None before the first.
        best_epoch: The epoch that had it, counted from 0.
        best_batch: The batch after which a validation within that epoch had it, counted from 0;
            None if the epoch's end had it.
        wait: Epochs since the last improvement.
        stopped_epoch: The epoch in which it stopped the run; 0 if it did not.
        stopped_batch: The batch, likewise; None if it did not stop the run at a validation.
        best_weights: The weights as of then, with `restore_best_weights`.

    Raises:
        ValueError: `patience` is negative; or, before the first epoch, mode is "auto" and
            it is unknown which way is better.

    Differs from Keras: a NaN never becomes the best value, and its weights are never kept; an
    undecidable direction is an error before the first epoch, not after it; `patience` may be None;
    validations within epochs, which Keras does not have, count as epochs.

    Example:
        >>> from types import SimpleNamespace
        >>> callback = EarlyStopping("loss", patience=1)
        >>> callback.set_model(SimpleNamespace(stop_training=False))
        >>> callback.on_train_begin()
        >>> for epoch, loss in enumerate([0.5, 0.4, 0.4]):
        ...     callback.on_epoch_end(epoch, {"loss": loss})
        >>> callback.model.stop_training, callback.best_epoch, callback.stopped_epoch
        (True, 1, 2)
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()
    patience: Setting[int | None] = Setting(
        partial(
            optional_count,
            least=0,
            expected="0 or more epochs, or None never to stop",
            action="Pass 0 to stop at the first epoch without improvement.",
        )
    )
    baseline: Setting[float | None] = Setting(optional(number))
    start_from_epoch: Setting[int] = Setting(partial(count, least=0))

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int | None = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait: int = 0
        self.stopped_epoch: int = 0
        self.best_epoch: int = 0
        self.stopped_batch: int | None = None
        self.best_batch: int | None = None
        self.best_weights: list[Any] | None = None

    def log_needs(self) -> Iterator[LogNeed]:
        """Returns the key this reads from the logs, unless a subclass gets the value itself."""
        if not overrides(self, "get_monitor_value", EarlyStopping):
            yield LogNeed(self.monitor, f"{type(self).__name__}(monitor={self.monitor!r})")

    def run_events(self) -> Iterator[RunEvent]:
        """Returns where the best value so far was, for ``history.events``."""
        if self.best is not None:
            name, best = type(self).__name__, float(self.best)
            yield RunEvent("best", name, self.best_epoch, self.best_batch, self.monitor, best)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forgets an earlier run."""
        self._need_direction()
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = self.stopped_batch = self.best_batch = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, for validations within it."""
        self._monitor.epoch_began(epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Looks at the epoch and asks the model to stop when patience has run out."""
        if self._epoch_decides(logs):
            self._judge(epoch, None, logs)

    def on_validation_end(self, batch: int, logs: Logs | None = None) -> None:
        """Looks at a validation within the epoch likewise, if it has the quantity."""
        if self._monitor.validation_ended(logs):
            self._judge(self._monitor.epoch, batch, logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restores the best weights, if asked to."""
        stopped = self.stopped_epoch > 0 or self.stopped_batch is not None
        if stopped and self.verbose > 0:
            at = place(self.stopped_epoch, self.stopped_batch).capitalize()
            say(self, f"{at}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                best = f"the end of the best epoch: {self.best_epoch + 1}"
                if self.best_batch is not None:
                    best = f"the best validation: {place(self.best_epoch, self.best_batch)}"
                say(self, f"Restoring model weights from {best}.")
            model_of(self).set_weights(self.best_weights)

    def get_monitor_value(self, logs: Logs | None) -> Any:
        """Returns the value to judge, None for none; a subclass may get it from elsewhere.

        Args:
            logs: Logs of the epoch or validation.
        """
        return self._monitor.read(logs)

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold; the weights are NumPy arrays."""
        return {**{name: getattr(self, name) for name in _STATE}, **self._monitor.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``, which resets."""
        for name in _STATE:
            setattr(self, name, state[name])
        self._monitor.load_state_dict(state)

    def _judge(self, epoch: int, batch: int | None, logs: Logs | None) -> None:
        current = as_number(self.get_monitor_value(logs))
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best = current
            self.best_epoch, self.best_batch = epoch, batch
            if self.restore_best_weights:
                self.best_weights = model_of(self).get_weights()
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        # The very first epoch's end never stops a run, as in Keras.
        elif (
            self.patience is not None
            and self.wait >= self.patience
            and (epoch > 0 or batch is not None)
        ):
            self.stopped_epoch, self.stopped_batch = epoch, batch
            model_of(self).stop_training = True


_STATE = (
    "wait",
    "stopped_epoch",
    "stopped_batch",
    "best",
    "best_epoch",
    "best_batch",
    "best_weights",
)
