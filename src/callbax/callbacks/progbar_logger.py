"""The progress bar."""

from typing import Any

from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._terminal._console import print_message
from callbax.callbacks._terminal._display import open_display
from callbax.callbacks._terminal._progress import Progress


class ProgbarLogger(Callback):
    """Shows progress and metrics on the standard output; ``verbose`` adds one by itself.

    ``verbose=1`` and ``"auto"`` draw a bar that moves, in a terminal and in a notebook; what
    other callbacks print meanwhile appears above it. If the output is a file they write one
    plain line per epoch instead, as ``verbose=2`` does everywhere. ``verbose=0`` shows nothing.
    Values are shown as the logs have them. Validation inside ``fit`` is silent.

    Attributes:
        epoch: The current epoch, counted from 0. In an epoch that had begun before an interruption
            the bar appears with the first batch, as the begin of that epoch is not announced again.

    Differs from Keras: no control characters in files; an epoch that was cut short shows the
    steps it ran, not the steps it should have run.

    Example:
        >>> bar = ProgbarLogger()
        >>> bar.set_params({"verbose": 2, "epochs": 1, "steps": 2})
        >>> bar.on_epoch_begin(0)
        >>> bar.on_train_batch_end(0, {"loss": 0.5})
        >>> bar.on_train_batch_end(1, {"loss": 0.25})
        >>> bar.on_epoch_end(0, {"loss": 0.25, "val_loss": 0.5})
        2/2 - 0s - .../step - loss: 0.2500 - val_loss: 0.5000
    """

    execution: Execution = "fused"
    lead_only: bool = True
    adds_logs: tuple[str, ...] | None = ()

    def __init__(self) -> None:
        super().__init__()
        self.verbose: int = 1
        self.epochs: int = 1
        self.target: int | None = None
        self.epoch: int = 0
        self._in_fit = False
        self._progress: Progress | None = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes the parameters of the run."""
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Makes validation silent from here on."""
        self._in_fit = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Lets a later ``evaluate`` show its progress."""
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Shows which epoch begins, and an empty bar."""
        self.epoch = epoch
        if self.verbose and self.epochs > 1:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")
        self._open()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Shows an empty bar, in ``evaluate``."""
        if not self._in_fit:
            self._open()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Shows an empty bar."""
        self._open()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Moves the bar on."""
        if self._progress is None:
            self._resume(batch)
        if self._progress is not None:
            self._progress.step(batch + 1, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Moves the bar on, in ``evaluate``."""
        if self._progress is not None and not self._in_fit:
            self._progress.step(batch + 1, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Moves the bar on."""
        if self._progress is not None:
            self._progress.step(batch + 1, None)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Shows the epoch's values."""
        self._finish(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Shows the final values, in ``evaluate``."""
        if not self._in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Shows the full bar."""
        self._finish(None)

    def teardown(self) -> None:
        """Gives the terminal back."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None
        self._in_fit = False

    def _resume(self, done: int) -> None:
        """Shows the rest of an epoch whose first batches an earlier run has done."""
        if self.verbose in (1, 2):
            self.on_epoch_begin(self.epoch)
            if self._progress is not None:
                self._progress.skip(done)

    def _open(self) -> None:
        if self._progress is not None:
            self._progress.close()
        self._progress = None
        if self.verbose in (1, 2):
            display = open_display() if self.verbose == 1 else None
            self._progress = Progress(self.target, display)

    def _finish(self, logs: Logs | None) -> None:
        if self._progress is not None:
            self._progress.finish(logs)
            # If nobody knew the number of steps, the next epoch goes by this one.
            self.target = self.target or self._progress.seen
            self._progress = None
