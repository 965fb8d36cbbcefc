"""The calling of hooks: who overrides which, and whom a stop or an error came from."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from callbax._core._hooks import HOOKS, Logs
from callbax._core._run_events import RunEvent
from callbax._core._spans import Spans
from callbax._core._warnings import warn
from callbax._core._waste import Waste
from callbax.callbacks._checks import announced, is_of_first, overrider
from callbax.callbacks._costs import Account, Clock
from callbax.callbacks._failures import FailurePolicies, is_user_s, told
from callbax.callbacks._log_needs import note_missing_key
from callbax.callbacks._model_view import is_in_lead
from callbax.callbacks._states import numbered
from callbax.callbacks.trace import Trace

_BEGINNINGS = ("on_train_begin", "on_test_begin", "on_predict_begin")
SHORT_SECONDS = 30.0
"""How long a run must have lasted before anybody is told that a callback takes most of it."""
_NOTE = "Raised in the callback hook "


@dataclass(slots=True, frozen=True)
class _Call:
    method: Callable[..., Any]
    callback: Any
    account: Account
    clock: Clock


class HookCalls:
    """Calls each hook of the callbacks that override it, in their order.

    Args:
        stopped: Told which callback was the first to stop the run.
        policies: Says whose failures end the run.

    Attributes:
        model: Whose ``stop_training`` to watch; None watches none.
        epoch: The epoch under way, None outside of epochs.
        watching: Whether to look out for a stop of training.
        accounts: Name of a callback -> what it costs.
        off: Callbacks that failed, and are not called any more in this run.
        waste: Steps run for nothing since the last hook; the run writes it.
        spans: Takes stretches of time, if a callback draws them.
    """

    def __init__(self, stopped: Callable[[RunEvent], None], policies: FailurePolicies) -> None:
        self.model: Any = None
        self.epoch: int | None = None
        self.watching = False
        self.accounts: dict[str, Account] = {}
        self.off: list[Any] = []
        self.waste, self.spans = Waste(), Spans()
        self._stopped, self._policies = stopped, policies
        self._calls: dict[str, tuple[_Call, ...]] = {}
        self._began, self._told = time.perf_counter(), False

    def start(self) -> None:
        """Begins a run: nobody has failed, nothing was spent."""
        self.off, self.accounts = [], {}
        self._began, self._told = time.perf_counter(), False

    def warn_of_costs(self) -> None:
        """Warns once if one callback takes most of the time of a run that is not a short one."""
        elapsed = time.perf_counter() - self._began
        if self._told or elapsed < SHORT_SECONDS:
            return
        for name, account in self.accounts.items():
            if account.seconds > elapsed / 2:
                self._told = True
                warn(
                    f"{name} has taken {account.seconds:.1f} of the {elapsed:.1f} s that this run "
                    "has lasted; `history.callback_costs` shows what each callback takes."
                )

    def names(self, hook: str) -> list[str]:
        """Returns the classes of the callbacks that override a hook, in the order of the calls."""
        return [type(call.callback).__name__ for call in self._calls[hook]]

    def look_up(self, callbacks: Iterable[Any]) -> None:
        """Looks up who overrides what.

        Args:
            callbacks: In the order in which they are to be called.
        """
        lead = is_in_lead(self)
        named = [
            (callback, self._account(name, callback))
            for name, callback in numbered(callbacks).items()
            if lead or not is_of_first(callback)
        ]
        self.spans.listeners = [
            callback.draw for callback, _ in named if isinstance(callback, Trace)
        ]
        self._calls = {
            hook: tuple(
                _Call(method, callback, account, account.clock(hook))
                for callback, account in named
                if not self.is_off(callback)
                and (method := announced(callback, hook) or overrider(callback, hook)) is not None
            )
            for hook in HOOKS
        }

    def _account(self, name: str, callback: object) -> Account:
        # What belongs to the run is nobody's cost.
        return self.accounts.setdefault(name, Account()) if is_user_s(callback) else Account()

    def is_off(self, callback: object) -> bool:
        """Returns whether a callback has failed in this run and is not called any more."""
        return any(callback is other for other in self.off)

    def wants(self, hook: str) -> bool:
        """Returns whether anyone overrides a hook."""
        return bool(self._calls[hook])

    def call(self, hook: str, logs: Logs | None, *epoch: int) -> None:
        """Calls a hook of a run or an epoch."""
        logs = {} if logs is None else logs
        began = time.perf_counter()
        for call in self._calls[hook]:
            try:
                call.method(*epoch, logs)
            except BaseException as error:
                note_missing_key(error, logs, f"{type(call.callback).__name__}.{hook}")
                self._failed(error, call, hook)
            ended = time.perf_counter()
            call.clock.note(ended - began)
            self._charge_more(call, began, ended, hook)
            began = ended
            if self.watching and getattr(self.model, "stop_training", False):
                self._note_stop(call)

    def call_batch(self, hook: str, batch: int, logs: Logs | None) -> None:
        """Calls a hook of a batch."""
        # Apart from `call` because it is on the path of every batch: so is its account.
        logs = {} if logs is None else logs
        began = time.perf_counter()
        for call in self._calls[hook]:
            try:
                call.method(batch, logs=logs)
            except BaseException as error:
                note_missing_key(error, logs, f"{type(call.callback).__name__}.{hook}")
                self._failed(error, call, hook, batch)
            ended = time.perf_counter()
            call.clock.note(ended - began)
            if self.waste.noted or self.spans.listeners:
                self._charge_more(call, began, ended, hook, batch)
            began = ended
            if self.watching and getattr(self.model, "stop_training", False):
                self._note_stop(call, batch)

    def _charge_more(
        self, call: _Call, began: float, ended: float, hook: str, batch: int | None = None
    ) -> None:
        """Puts what a call has cost besides its time on its callback's account, and draws it."""
        self.waste.charge(call.account)
        name = f"{type(call.callback).__name__}.{hook}"
        self.spans.tell("hooks", name, began, ended, epoch=self.epoch, batch=batch)

    def state_of(self, callback: Any) -> Any:
        """Returns a callback's state; None if it has failed, now or before."""
        if self.is_off(callback):
            return None
        try:
            return callback.state_dict()
        except Exception as error:
            if self._policies.of(callback) == "raise":
                raise
            self._switch_off(callback, "state_dict", error)
            return None

    def _failed(
        self, error: BaseException, call: _Call, hook: str, batch: int | None = None
    ) -> None:
        """Switches a callback off, if that is what its failures are to do, or raises.

        What ends a process on purpose is always raised; so is what a logger finds wrong before the
        first epoch, unless it was told otherwise.
        """
        policy = self._policies.of(call.callback, begins=hook in _BEGINNINGS)
        if policy == "raise" or not isinstance(error, Exception):
            self._note(error, call, hook, batch)
            raise error
        self._switch_off(call.callback, hook, error, batch)

    def _switch_off(
        self, callback: Any, method: str, error: Exception, batch: int | None = None
    ) -> None:
        """Lets a callback that has failed be called no more in this run, and tells so."""
        self.off.append(callback)
        self._calls = {
            hook: tuple(call for call in calls if call.callback is not callback)
            for hook, calls in self._calls.items()
        }
        name = f"{type(callback).__name__}.{method}"
        warn(told(name, self._place(batch), error), RuntimeWarning)

    def _note_stop(self, call: _Call, batch: int | None = None) -> None:
        """Records who asked the run to stop first, and when; later ones do not count."""
        self.watching = False
        self._stopped(RunEvent("stop", type(call.callback).__name__, self.epoch, batch))

    def _note(self, error: BaseException, call: _Call, hook: str, batch: int | None = None) -> None:
        """Notes on the exception where it came from, unless a list nearer to it has said so."""
        if any(note.startswith(_NOTE) for note in getattr(error, "__notes__", ())):
            return
        at = self._place(batch)
        error.add_note(
            f"{_NOTE}`{type(call.callback).__name__}.{hook}`" + (f" ({at})." if at else ".")
        )

    def _place(self, batch: int | None) -> str:
        where = {"epoch": self.epoch, "batch": batch}
        return ", ".join(f"{name}={value}" for name, value in where.items() if value is not None)
