"""Stopping when the loss is no longer a finite number."""

import math

from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._model_view import model_of
from callbax.callbacks._number import as_number
from callbax.callbacks._terminal._console import say


class TerminateOnNaN(Callback):
    """Stops training after the first batch whose loss is NaN or infinite.

    The loss in the logs is a mean over the epoch so far, so it is NaN from the first batch on
    that was.

    Args:
        raise_error: Whether to raise at once, so that ``on_train_end`` is not called and, for
            example, `BackupAndRestore` keeps its files. Else the epoch ends as usual, validation
            included, and training stops.

    Raises:
        RuntimeError: In a run, with `raise_error`: the loss is NaN or infinite.

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

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Looks at the loss."""
        loss = as_number((logs or {}).get("loss"))
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. "
                f"Loss value: {loss}. Terminating training immediately."
            )
        say(self, f"Batch {batch}: Invalid loss, terminating training")
        model_of(self).stop_training = True
