"""Stopping when the loss is no longer a finite number."""

import math
from typing import Any

from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._model_view import ModelView, model_of
from callbax.callbacks._number import as_number
from callbax.callbacks._terminal._console import say
from callbax.callbacks.recorder import Recorder


class TerminateOnNaN(Callback):
    """Stops training after the first batch whose loss is NaN or infinite.

    The loss in the logs is a mean over the epoch so far, so it is NaN from the first batch on
    that was.

    Args:
        raise_error: Whether to raise at once, so that ``on_train_end`` is not called and, for
            example, `BackupAndRestore` keeps its files. Else the epoch ends as usual, validation
            included, and training stops.
        locate: Whether to look for the cause at once: the batch, its rows in the data, and where in
            the model numbers stopped to be finite. The run is recorded in memory for that, as by
            `Recorder`, and the steps of the epoch are taken again; data must be such that they can
            be read again.

    Attributes:
        moment: The batch that was found, with `locate`; None before.

    Raises:
        RuntimeError: In a run, with `raise_error`: the loss is NaN or infinite.

    Differs from Keras: `locate` and `moment` are new.

    Example:
        >>> from types import SimpleNamespace
        >>> callback = TerminateOnNaN()
        >>> callback.set_model(SimpleNamespace(stop_training=False))
        >>> callback.on_batch_end(7, {"loss": float("nan")})
        Batch 7: Invalid loss, terminating training
        >>> callback.model.stop_training
        True
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()

    def __init__(self, raise_error: bool = False, *, locate: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error
        self.locate = locate
        self.moment: Any = None
        self.recorder: Recorder | None = Recorder() if locate else None

    def wants_hook(self, hook: str) -> bool:
        """Returns whether a hook has anything to do: only that of a batch unless it locates."""
        return self.locate or hook in ("on_batch_end", "on_train_batch_end")

    def set_model(self, model: ModelView | None) -> None:
        """Takes the model, for its recorder too."""
        super().set_model(model)
        if self.recorder is not None:
            self.recorder.set_model(model)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the record."""
        self.moment = None
        if self.recorder is not None:
            self.recorder.on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the state."""
        if self.recorder is not None:
            self.recorder.on_epoch_begin(epoch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Records the state if the run has begun within an epoch."""
        if self.recorder is not None:
            self.recorder.on_train_batch_begin(batch, logs)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Looks at the loss."""
        if self.recorder is not None:
            self.recorder.on_train_batch_end(batch, logs)
        loss = as_number((logs or {}).get("loss"))
        if loss is None or math.isfinite(loss):
            return
        cause = "" if self.recorder is None else f"\n{self._located(self.recorder)}"
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. "
                f"Loss value: {loss}. Terminating training immediately.{cause}"
            )
        say(self, f"Batch {batch}: Invalid loss, terminating training{cause}")
        model_of(self).stop_training = True

    def _located(self, recorder: Recorder) -> str:
        """Returns what is found at the last batch; it stays in `moment`."""
        row = recorder.recorded.rows("TerminateOnNaN")[-1]
        try:
            self.moment = model_of(self).past_of(recorder.recorded).at(row.epoch, row.batch)
        except (ValueError, RuntimeError) as error:  # as of a generator
            return f"The cause cannot be looked for: {error}"
        return f"Epoch {row.epoch}, batch {row.batch}, counted from 0:\n{self.moment.explain()}"
