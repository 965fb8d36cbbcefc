"""Setting the learning rate at the start of each epoch."""

import inspect
from collections.abc import Callable
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback, Execution
from callbax.callbacks._demands import need_settable_rate
from callbax.callbacks._model_view import model_of
from callbax.callbacks._number import as_number
from callbax.callbacks._terminal._console import say


class LearningRateScheduler(Callback):
    """Sets the optimizer's learning rate from a function of the epoch.

    At each epoch end the current rate is added to the logs as ``learning_rate``.

    Args:
        schedule: ``schedule(epoch, lr)`` or ``schedule(epoch)``: the epoch counted from 0 and the
            current rate, to the new rate. Anything that is one number will do: a Python, NumPy
            or JAX scalar.
        verbose: 1 prints the new rate at each epoch's start, 0 nothing.

    Raises:
        TypeError: `schedule` cannot be called in either way; or, before the first epoch, a
            schedule of the optimizer sets the rate.
        ValueError: In a run: the schedule returned something else than a number; or, before the
            first epoch, the optimizer has no learning rate.

    Differs from Keras: an int or a JAX scalar is taken too, and a TypeError raised inside the
    schedule is shown as it is.

    Example:
        >>> from types import SimpleNamespace
        >>> callback = LearningRateScheduler(lambda epoch, lr: lr / 2 if epoch else lr, verbose=1)
        >>> callback.set_model(SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5)))
        >>> callback.on_epoch_begin(1)
        <BLANKLINE>
        Epoch 2: LearningRateScheduler setting learning rate to 0.25.
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ("learning_rate",)

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        _takes_rate(schedule)  # refuses what cannot be called

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Sees that the rate can be set."""
        need_settable_rate(self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Asks the schedule and sets the rate."""
        optimizer = model_of(self).optimizer
        known = (float(optimizer.learning_rate),) if _takes_rate(self.schedule) else ()
        scheduled = self.schedule(epoch, *known)
        rate = as_number(scheduled)
        if rate is None:
            raise ValueError(
                explain(
                    "LearningRateScheduler(schedule)",
                    expected="the schedule to return a float",
                    received=f"{describe(scheduled)} for epoch {epoch}",
                    action="Return the new learning rate; return the `lr` it is given to keep it.",
                )
            )
        optimizer.learning_rate = rate
        if self.verbose > 0:
            say(
                self,
                f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {scheduled}.",
            )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Adds the current rate to the logs."""
        if logs is not None:
            logs["learning_rate"] = float(model_of(self).optimizer.learning_rate)


def _takes_rate(schedule: Callable[..., Any]) -> bool:
    """Returns whether to call ``schedule(epoch, lr)`` rather than ``schedule(epoch)``."""
    if not callable(schedule):
        received = describe(schedule)
    else:
        try:
            signature = inspect.signature(schedule)
        except (TypeError, ValueError):
            return True  # Some builtins tell nothing; this is the documented way.
        for args in ((0, 0.1), (0,)):
            try:
                signature.bind(*args)
            except TypeError:
                continue
            return len(args) == 2
        received = f"one with the signature {signature}"
    raise TypeError(
        explain(
            "LearningRateScheduler(schedule)",
            expected="a function that can be called as `schedule(epoch, lr)` or `schedule(epoch)`",
            received=received,
            action="Give it these arguments and no other required ones.",
        )
    )
