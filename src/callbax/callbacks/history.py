"""The record of a run that ``fit`` returns."""

from typing import Any

from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution


class History(Callback):
    """Records the logs of every epoch; ``fit`` adds one by itself and returns it.

    Where ``fit`` validates within epochs, each validation is recorded, and nothing again at the
    epoch's end: the ``val_`` lists have an entry for each of `validations`, the others one for
    each epoch.

    Pass one of your own to keep recording over several fits: `history` grows, `epoch` starts
    afresh. It is on ``model.history`` from the start of the run, so it can be read after an
    exception too.

    Attributes:
        history: Log key -> values of the epochs, or validations, that had that key.
        epoch: The epochs that were run, counted from 0.
        validations: Epoch and batch, counted from 0, after which each validation within an epoch
            was run; it starts afresh with `epoch`.
        stop_reason: Which callback asked the last run to stop, and when, counted from 1 as in
            what callbacks print: ``"EarlyStopping at epoch 3"``; None if none did.

    Differs from Keras: `epoch` exists before the first run; `stop_reason` and `validations` are
    new.

    Example:
        >>> history = History()
        >>> history.on_train_begin({})
        >>> history.on_epoch_end(0, {"loss": 0.5})
        >>> history.on_epoch_end(1, {"loss": 0.25, "val_loss": 0.5})
        >>> history.epoch, history.history
        ([0, 1], {'loss': [0.5, 0.25], 'val_loss': [0.5]})
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.validations: list[tuple[int, int]] = []
        self._current_epoch = 0
        self._recorded: set[str] = set()
        self.stop_reason: str | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Empties `epoch` and `validations`; `history` is kept."""
        self.epoch = []
        self.validations = []

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, for validations within it."""
        self._current_epoch, self._recorded = epoch, set()

    def on_validation_end(self, batch: int, logs: Logs | None = None) -> None:
        """Records the validation."""
        values = {key: value for key, value in (logs or {}).items() if key.startswith("val_")}
        self.validations.append((self._current_epoch, batch))
        self._recorded.update(values)
        self._record(values)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, but for what its validations have brought."""
        self.epoch.append(epoch)
        self._record({k: v for k, v in (logs or {}).items() if k not in self._recorded})
        if self.model is not None:
            self.model.history = self

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold."""
        history = {key: list(values) for key, values in self.history.items()}
        return {
            "history": history,
            "epoch": list(self.epoch),
            "validations": [list(at) for at in self.validations],
            "current_epoch": self._current_epoch,
            "recorded": sorted(self._recorded),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a recorded state; call it after ``on_train_begin``, which resets."""
        self.history = {key: list(values) for key, values in state["history"].items()}
        self.epoch = list(state["epoch"])
        self.validations = [(epoch, batch) for epoch, batch in state["validations"]]
        self._current_epoch = state["current_epoch"]
        self._recorded = set(state["recorded"])

    def _record(self, values: Logs) -> None:
        for key, value in values.items():
            self.history.setdefault(key, []).append(value)
