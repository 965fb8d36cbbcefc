"""The progress bar."""

import time
from collections.abc import Callable
from typing import Any

from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution, Processes
from callbax.callbacks._failures import OnFailure
from callbax.callbacks._model_view import GaugeView
from callbax.callbacks._terminal._console import print_message
from callbax.callbacks._terminal._display import Display, open_display
from callbax.callbacks._terminal._notebook import Sheet, open_sheet
from callbax.callbacks._terminal._progress import Progress, clock, shown


class ProgbarLogger(Callback):
    """Shows progress and metrics on the standard output; ``verbose`` adds one by itself.

    ``verbose=1`` and ``"auto"`` draw a bar that moves, in a terminal and in a notebook, and one
    more below it while ``fit`` validates; what other callbacks print meanwhile appears above. In a
    notebook a whole ``fit`` is one output, with a table of its epochs. If the output is a file or
    a pipe they write plain lines instead: one at the end of each epoch, and within an epoch one
    per tenth of it, no more than one a second and no fewer than one in 30 seconds. ``verbose=2``
    writes one plain line per epoch everywhere, any larger number only the number of the epoch, and
    0 nothing. Values are shown as the logs have them.

    Times are elapsed and, once a step was timed, left; while the bar moves, those of all epochs
    too. The time of a step is wall time, waiting for data and hooks included, compiling and
    validation not.

    Attributes:
        epoch: The current epoch, counted from 0. In an epoch that had begun before an interruption
            the bar appears with the first batch, as the begin of that epoch is not announced again.

    Differs from Keras: no control characters in files; an epoch that was cut short shows the
    steps it ran, not the steps it should have run; the time of a step leaves out validation and
    compiling; a character that the output cannot show is written as an escape.

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
    processes: Processes = "first"
    adds_logs: tuple[str, ...] | None = ()
    on_failure: OnFailure = "warn"

    def __init__(self) -> None:
        super().__init__()
        self.verbose: int = 1
        self.epochs: int = 1
        self.target: int | None = None
        self.epoch: int = 0
        self._in_fit = False
        self._sheet: Sheet | None = None
        self._progress: Progress | None = None
        self._validation: Progress | None = None
        self._began = self._epoch_began = 0.0
        self._epochs_done = 0
        self._validation_began = self._validation_seconds = 0.0
        self._validation_steps: int | None = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes the parameters of the run."""
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs", 1)
        self.target = params.get("steps")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the clock of all epochs."""
        self._in_fit = True
        self._began, self._epochs_done, self._validation_seconds = time.perf_counter(), 0, 0.0
        self._epoch_began = self._began
        self._validation_steps = None
        self._close_sheet()
        self._sheet = open_sheet() if self.verbose == 1 else None

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Lets a later ``evaluate`` show its progress."""
        self._in_fit = False
        self._close_sheet()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Shows which epoch begins, and an empty bar."""
        self.epoch, self._epoch_began = epoch, time.perf_counter()
        if self.verbose and self.epochs > 1 and self._sheet is None:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")
        self._open(self._all_epochs if self.epochs > 1 else None)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Shows an empty bar; in ``fit`` it is that of the validation, below the other."""
        if not self._in_fit:
            self._open()
        elif self._progress is not None:
            self._validation_began = time.perf_counter()
            self._validation = Progress(
                self._validation_steps,
                self._progress.below(),
                self._gauge(),
                title="validation ",
                silent=self.verbose != 1,
            )

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
        """Moves the bar on."""
        bar = self._validation if self._in_fit else self._progress
        if bar is not None:
            bar.step(batch + 1, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Moves the bar on."""
        if self._progress is not None:
            self._progress.step(batch + 1, None)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Shows the epoch's values."""
        self._epochs_done += 1
        self._finish(logs)
        if self._sheet is not None:
            seconds = clock(time.perf_counter() - self._epoch_began)
            values = {key: shown(value) for key, value in (logs or {}).items()}
            self._sheet.add({"epoch": str(epoch + 1), **values, "time": seconds})

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Shows the final values, in ``evaluate``; in ``fit`` takes the validation's bar away."""
        if not self._in_fit:
            self._finish(logs)
        elif self._validation is not None:
            self._validation_seconds += time.perf_counter() - self._validation_began
            self._validation_steps = self._validation.seen
            self._validation.close()
            self._validation = None

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Shows the full bar."""
        self._finish(None)

    def teardown(self) -> None:
        """Gives the terminal back."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None
        self._validation = None
        self._in_fit = False
        self._close_sheet()

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: it draws nothing that this one began."""
        drawn = dict.fromkeys(("_progress", "_validation", "_sheet"))
        return {**super().__getstate__(), **drawn}

    def _resume(self, done: int) -> None:
        """Shows the rest of an epoch whose first batches an earlier run has done."""
        if self.verbose in (1, 2):
            self.on_epoch_begin(self.epoch)
            if self._progress is not None:
                self._progress.skip(done)

    def _open(self, outlook: Callable[[float | None], str] | None = None) -> None:
        if self._progress is not None:
            self._progress.close()
        self._progress = None
        if self.verbose in (1, 2):
            self._progress = Progress(
                self.target,
                self._display(),
                self._gauge(),
                silent=self.verbose == 2,
                outlook=outlook,
            )

    def _display(self) -> Display | None:
        if self.verbose != 1:
            return None
        if self._sheet is None:
            return open_display()
        title = f"Epoch {self.epoch + 1}/{self.epochs}" if self.epochs > 1 else ""
        return self._sheet.line(title)

    def _close_sheet(self) -> None:
        sheet, self._sheet = self._sheet, None
        if sheet is not None:
            sheet.close()

    def _gauge(self) -> GaugeView | None:
        """Returns what measures the run under way; None in a loop of the user's own."""
        gauge = getattr(self.model, "gauge", None)
        # A mock answers every attribute with something.
        return gauge if isinstance(getattr(gauge, "seconds_per_step", ""), float | None) else None

    def _all_epochs(self, left: float | None) -> str:
        """Returns how long all epochs have taken, and how long is left, if that is known.

        Args:
            left: Seconds left of this epoch's training; None if unknown.
        """
        times = clock(time.perf_counter() - self._began)
        epoch = None if self._progress is None else self._progress.whole_seconds()
        validation = self._validation_per_epoch()
        if left is not None and epoch is not None and validation is not None:
            after = self.epochs - self.epoch - 1
            times += f", {clock(left + validation + after * (epoch + validation))} left"
        return f" - all epochs: {times}"

    def _validation_per_epoch(self) -> float | None:
        """Returns its seconds in an epoch; None before one that validates has ended."""
        if self._epochs_done:
            return self._validation_seconds / self._epochs_done
        keys = getattr(self.model, "log_keys", None) or ()
        return None if any(key.startswith("val_") for key in keys) else 0.0

    def _finish(self, logs: Logs | None) -> None:
        if self._progress is not None:
            self._progress.finish(logs)
            # If nobody knew the number of steps, the next epoch goes by this one.
            self.target = self.target or self._progress.seen
            self._progress = None
