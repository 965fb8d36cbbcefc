"""The end of a run at a chosen batch."""

import os
import signal
from typing import Any

from callbax._core._arguments import count, one_of, optional_count
from callbax._core._hooks import BATCH_HOOKS, HOOKS, Logs
from callbax.callbacks import Callback

Raising = BaseException | type[BaseException]
"""What ends a run in place of a signal."""


class Killer(Callback):
    """Ends the process, or raises, in one hook of one epoch; see `kill_at`.

    Args:
        epoch: The epoch, counted from 0.
        batch: The batch that the hook must be called with; None for the hook's first call.
        hook: The hook.
        raising: What to raise; None kills the process.

    Example:
        >>> killer = Killer(0, None, "on_epoch_end", raising=TimeoutError)
        >>> killer.on_epoch_begin(0)
        >>> killer.on_epoch_end(0, {})
        Traceback (most recent call last):
        TimeoutError
    """

    execution = "fused"
    adds_logs = ()

    def __init__(
        self, epoch: int, batch: int | None, hook: str, *, raising: Raising | None
    ) -> None:
        super().__init__()
        self._epoch, self._batch, self._hook, self._raising = epoch, batch, hook, raising
        self._now = 0
        if hook != "on_epoch_begin":
            setattr(self, hook, self._reached)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Records the epoch, for hooks that are not told it."""
        self._now = epoch
        if self._hook == "on_epoch_begin":
            self._reached(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Returns the epoch under way, whose begin a resumed run does not announce again."""
        return {"epoch": self._now}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores it."""
        self._now = state["epoch"]

    def _reached(self, *at: Any, logs: Logs | None = None) -> None:
        if self._hook == "on_epoch_end":
            self._now = at[0]
        due = self._batch is None or self._batch == at[0]
        if self._now == self._epoch and due:
            end(self._raising)


def kill_at(
    epoch: int,
    batch: int | None = None,
    *,
    hook: str | None = None,
    raising: Raising | None = None,
) -> Killer:
    """Returns a callback that kills the process, as ``kill -9`` does, at a batch or epoch.

    Put it after the callbacks that are to see that hook. A backup that is due there is not made,
    as `BackupAndRestore` runs last: the run that starts again does the batch once more, and so
    comes to this callback again. Give it only to the life that is to end. It holds no state for a
    backup but the number of the epoch: leave it in the list, with another place, or replace it by
    one that is never reached, such as ``kill_at(10**6)``.

    Args:
        epoch: The epoch, counted from 0.
        batch: The batch of it, counted from 0; None for the epoch's end.
        hook: Name of the hook in which to end; by default ``"on_train_batch_end"`` if there is a
            batch, else ``"on_epoch_end"``.
        raising: An exception, or its class, to raise in place of the kill, to stay in the process.
            One that is no ``Exception`` is less likely to be caught on the way.

    Raises:
        ValueError: A number is negative, there is no hook of that name, or a batch is given for a
            hook that has none.

    Example:
        >>> import callbax, numpy as np
        >>> model = callbax.Sequential([callbax.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.ones((6, 2), "float32")
        >>> kill = kill_at(0, 1, raising=TimeoutError)
        >>> try:
        ...     model.fit(x, x[:, :1], batch_size=2, epochs=3, verbose=0, callbacks=kill)
        ... except TimeoutError:
        ...     print(f"killed after {model.optimizer.iterations} steps")
        killed after 2 steps
    """
    epoch = count("kill_at", "epoch", epoch, least=0)
    batch = optional_count("kill_at", "batch", batch, least=0)
    chosen = hook or ("on_epoch_end" if batch is None else "on_train_batch_end")
    one_of("kill_at", "hook", chosen, HOOKS if batch is None else BATCH_HOOKS)
    return Killer(epoch, batch, chosen, raising=raising)


def end(raising: Raising | None = None) -> None:
    """Ends the process at once, with nothing cleaned up, or raises.

    Args:
        raising: What to raise; None kills the process.
    """
    if raising is not None:
        raise raising
    # Windows has no SIGKILL; its `os.kill` ends a process at once with any other signal.
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
