"""The calling of hooks: who overrides which, and whom a stop or an error came from."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from callbax._core._hooks import HOOKS, Logs
from callbax.callbacks._checks import announced, overrider
from callbax.callbacks._terminal._console import place

_NOTE = "Raised in the callback hook "


class _Call(NamedTuple):
    method: Callable[..., Any]
    callback: Any


class HookCalls:
    """Calls each hook of the callbacks that override it, in their order.

    Args:
        stopped: Told, by name and place, which callback was the first to stop the run.

    Attributes:
        model: Whose ``stop_training`` to watch; None watches none.
        epoch: The epoch under way, None outside of epochs.
        watching: Whether to look out for a stop of training.
    """

    def __init__(self, stopped: Callable[[str], None]) -> None:
        self.model: Any = None
        self.epoch: int | None = None
        self.watching = False
        self._stopped = stopped
        self._calls: dict[str, tuple[_Call, ...]] = {}

    def look_up(self, callbacks: Iterable[Any]) -> None:
        """Looks up who overrides what.

        Args:
            callbacks: In the order in which they are to be called.
        """
        # `is True` and `is False`: a mock answers every attribute with something truthy.
        lead = getattr(self.model, "is_lead", True) is not False
        callbacks = [
            callback
            for callback in callbacks
            if lead or getattr(callback, "lead_only", False) is not True
        ]
        self._calls = {
            hook: tuple(
                _Call(method, callback)
                for callback in callbacks
                if (method := announced(callback, hook) or overrider(callback, hook)) is not None
            )
            for hook in HOOKS
        }

    def wants(self, hook: str) -> bool:
        """Returns whether anyone overrides a hook."""
        return bool(self._calls[hook])

    def call(self, hook: str, logs: Logs | None, *epoch: int) -> None:
        """Calls a hook of a run or an epoch."""
        logs = {} if logs is None else logs
        call: _Call | None = None
        try:
            for call in self._calls[hook]:
                call.method(*epoch, logs)
                if self.watching and getattr(self.model, "stop_training", False):
                    self._note_stop(call)
        except BaseException as error:
            self._note(error, call, hook)
            raise

    def call_batch(self, hook: str, batch: int, logs: Logs | None) -> None:
        """Calls a hook of a batch."""
        # Apart from `call` because it is on the path of every batch: the lookup and the calls.
        logs = {} if logs is None else logs
        call: _Call | None = None
        try:
            for call in self._calls[hook]:
                call.method(batch, logs=logs)
                if self.watching and getattr(self.model, "stop_training", False):
                    self._note_stop(call, batch)
        except BaseException as error:
            self._note(error, call, hook, batch)
            raise

    def _note_stop(self, call: _Call, batch: int | None = None) -> None:
        """Records who asked the run to stop first, and when; later ones do not count."""
        self.watching = False
        at = place(self.epoch, batch)
        name = type(call.callback).__name__
        self._stopped(f"{name} at {at}" if at else f"{name} before the first epoch")

    def _note(
        self, error: BaseException, call: _Call | None, hook: str, batch: int | None = None
    ) -> None:
        """Notes on the exception where it came from, unless a list nearer to it has said so."""
        if call is None or any(note.startswith(_NOTE) for note in getattr(error, "__notes__", ())):
            return
        where = {"epoch": self.epoch, "batch": batch}
        at = ", ".join(f"{name}={value}" for name, value in where.items() if value is not None)
        error.add_note(
            f"{_NOTE}`{type(call.callback).__name__}.{hook}`" + (f" ({at})." if at else ".")
        )
