"""What the histories among the callbacks of a run are told, beside what hooks tell them."""

from collections.abc import Iterable
from typing import Any

from callbax._core._run_events import RunEvent, events_of
from callbax.callbacks._checks import needs_exact
from callbax.callbacks._costs import Account, CallbackCosts
from callbax.callbacks._states import numbered
from callbax.callbacks.history import History, told_stop


class Histories:
    """Tells every `History` of a run what stopped it, what callbacks did and what they cost.

    Args:
        callbacks: The callbacks of the run, as they are whenever this is asked.

    Attributes:
        stop: What stopped the run; None if nothing has.
        costs: What the callbacks have cost in it.
    """

    def __init__(self, callbacks: Iterable[Any]) -> None:
        self._callbacks = callbacks
        self.stop: RunEvent | None = None
        self.costs = CallbackCosts({})

    @property
    def latest(self) -> History | None:
        """The one that the model shows; None if there is none."""
        return next(reversed(self._all()), None)

    def note_stop(self, stop: RunEvent | None) -> None:
        """Tells what has stopped the run; None says that it begins."""
        self.stop = stop
        for history in self._all():
            history.stop_reason = None if stop is None else told_stop(stop)

    def note_events(self) -> None:
        """Tells what callbacks have done so far."""
        stop = () if self.stop is None else (self.stop,)
        for history in self._all():
            history.events = (*events_of(self._callbacks), *stop)

    def note_costs(self, accounts: dict[str, Account]) -> None:
        """Tells where the costs of this run will stand.

        Args:
            accounts: Name of a callback -> its account; those that are missing are opened.
        """
        for name, callback in numbered(self._callbacks).items():
            account = accounts.setdefault(name, Account())
            account.single_steps = needs_exact(callback, "train")
        self.costs = CallbackCosts(accounts)
        for history in self._all():
            history.callback_costs = self.costs

    def _all(self) -> list[History]:
        return [callback for callback in self._callbacks if isinstance(callback, History)]
