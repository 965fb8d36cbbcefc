"""Many callbacks behind one object; what the loop calls."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from callbax._core._at_end import AtEnd
from callbax._core._hooks import Logs, Mode
from callbax._core._markup import fixed
from callbax._core._run_events import RunEvent
from callbax._core._spans import Spans
from callbax._core._waste import Waste
from callbax._stores._protocol import RunState, RunStore
from callbax.callbacks._callback import Callback
from callbax.callbacks._checks import check, flatten, is_of_first, needs_exact, overrider
from callbax.callbacks._failures import FailurePolicies, Failures, tear_down
from callbax.callbacks._histories import Histories
from callbax.callbacks._hook_calls import HookCalls
from callbax.callbacks._log_needs import check_log_needs
from callbax.callbacks._model_view import ModelView, is_in_lead
from callbax.callbacks._recorded import (
    describe_resumed,
    reads_every,
    recorders_of,
    run_store_of,
    save_interrupted,
    warn_of_forgotten,
)
from callbax.callbacks._states import (
    Settings,
    SettingsView,
    Unrecorded,
    collect_settings,
    collect_states,
    is_stateful,
    numbered,
    restore_states,
)
from callbax.callbacks._terminal._console import place, print_message
from callbax.callbacks._training_loop import TrainingLoop
from callbax.callbacks.history import History
from callbax.callbacks.progbar_logger import ProgbarLogger
from callbax.callbacks.recorder import Recorder


class CallbackList(Callback):
    """Calls the hooks of many callbacks at once, and only of those that override them.

    ``fit``, ``evaluate`` and ``predict`` make one by themselves; make one yourself to run
    callbacks from a loop of your own. Within a hook the callbacks come in list order, then
    `History`, then `ProgbarLogger`, then those that run last. Which callback overrides which hook
    is looked up when a run begins: a hook assigned to an instance later is not seen, unless the
    callback announces it by ``_implements_train_batch_hooks``, as tqdm's does.

    An exception from a hook propagates as it is, with a note that names the callback class, the
    hook, the epoch and the batch.

    Args:
        callbacks: A callback, a (nested) list or tuple of them, another `CallbackList`, or None.
            Any object with at least one hook will do.
        add_history: Whether to add a `History` if there is none among `callbacks`.
        add_progbar: Whether to add a `ProgbarLogger` if there is none among `callbacks`.
        model: The model to give to the callbacks; ``None`` gives none.
        failures: ``"raise"`` or ``"warn"`` for all callbacks, or class or callback -> one of them;
            the others go by their own `on_failure`.
        **params: Parameters of the run to give to the callbacks: verbose, epochs, steps.

    Raises:
        TypeError: Something in `callbacks` is not a callback, or has a hook that cannot be called
            the way it will be.
        ValueError: A callback's `execution` is not one of the known ones.

    Differs from Keras: callbacks always run in order and never in threads; one alone and nested
    lists work; wrong objects are refused here, and a mistyped ``monitor`` when training begins;
    `append`, iteration, `wants`, `needs_exact`, `training_loop`, `teardown`, `state_dict` and
    `load_state_dict` are new; `callbacks` is a tuple; ``logs`` are handed on as they are.

    Example:
        >>> from callbax.callbacks.lambda_callback import LambdaCallback
        >>> printer = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
        >>> hooks = CallbackList(printer)
        >>> hooks.wants("on_train_batch_end")
        False
        >>> try:
        ...     hooks.on_epoch_end(0, {"loss": 0.5})
        ... finally:
        ...     hooks.teardown()
        0 {'loss': 0.5}
    """

    def __init__(
        self,
        callbacks: object = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: ModelView | None = None,
        *,
        failures: Failures = None,
        **params: Any,
    ) -> None:
        self._given: list[Any] = []
        self._added: list[Callback] = []
        self._exception: BaseException | None = None
        self._histories = Histories(self)
        self._calls = HookCalls(self._histories.note_stop, FailurePolicies(failures))
        if add_history:
            self._added.append(History())
        if add_progbar:
            self._added.append(ProgbarLogger())
        self._take(() if callbacks is None else callbacks, "callbacks")
        self.set_model(model)
        self.set_params(params)

    @property
    def callbacks(self) -> tuple[Any, ...]:
        """All callbacks, in the order in which they are called."""
        ordered = (*self._given, *self._added)
        # Stable; `is True`, as a mock answers every attribute with something truthy.
        return tuple(sorted(ordered, key=lambda item: getattr(item, "runs_last", None) is True))

    def append(self, callback: object) -> None:
        """Adds a callback (or several) after the others, before History and the progress bar.

        Args:
            callback: What the constructor takes.
        """
        before = len(self._given)
        self._take(callback, "append(callback)")
        for new in self._given[before:]:
            _give(new, self._model)
            _tell(new, "set_params", self.params or None)
        self._publish_history()

    @contextmanager
    def joined_by(self, callback: Callback) -> Iterator[None]:
        """Adds one more callback, after all others but those that run last, while it lasts.

        Args:
            callback: One that belongs to the run rather than to the user.
        """
        _tell(callback, "set_callback_list", self)
        _give(callback, self._model)
        _tell(callback, "set_params", self.params or None)
        self._added.append(callback)
        self._calls.look_up(self.callbacks)
        try:
            yield
        finally:
            self._added.remove(callback)
            self._calls.look_up(self.callbacks)

    def set_params(self, params: dict[str, Any]) -> None:
        """Gives the parameters of the run to every callback, unless there are none."""
        self.params: dict[str, Any] | None = params
        for callback in self.callbacks:
            _tell(callback, "set_params", params or None)

    def set_model(self, model: ModelView | None) -> None:
        """Gives the model to every callback and the History to the model; None does nothing."""
        if model is None:
            return
        self._model = self._calls.model = model
        self._calls.look_up(self.callbacks)
        self._publish_history()
        for callback in self.callbacks:
            _give(callback, model)

    def wants(self, hook: str) -> bool:
        """Returns whether any callback overrides this hook; if not, it need not be called.

        Args:
            hook: Its name: ``"on_train_batch_end"``.
        """
        return self._calls.wants(hook)

    def needs_exact(self, mode: Mode) -> bool:
        """Returns whether a callback needs one step per dispatch in this mode.

        Args:
            mode: ``"train"``, ``"test"`` or ``"predict"``.

        Returns:
            True if a callback's `execution` is ``"exact"``, or is ``"auto"`` and it overrides
            both batch hooks of the mode, as it may then be timing the batch.
        """
        return any(needs_exact(callback, mode) for callback in self.callbacks)

    def reads_every(self) -> int | None:
        """Returns after how many batches a callback is set to look at the model, if one is."""
        return reads_every(self.callbacks)

    def training_loop(self) -> TrainingLoop:
        """Returns which callbacks are called at which hooks of ``fit``; printed, it is the loop.

        Differs from Keras: new.
        """
        alone = [
            name for name, one in numbered(self.callbacks).items() if needs_exact(one, "train")
        ]
        return TrainingLoop.of(self._calls.names, alone)

    def run_store(self) -> RunStore | None:
        """Returns where the run is recorded; None if it is not.

        Raises:
            ValueError: Several callbacks would record it.
        """
        return run_store_of(self.callbacks)

    def names_in_all_processes(self) -> list[str]:
        """Returns the classes of the callbacks whose hooks every process calls, in order."""
        own = (callback for callback in self.callbacks if not is_of_first(callback))
        return [type(callback).__name__ for callback in own]

    def settings(self) -> Settings:
        """Returns what the callbacks that have a state were made with, under the same keys."""
        return collect_settings(self.callbacks)

    def unrecorded(self) -> Unrecorded:
        """Returns what tells, from now on, which callbacks keep something that no state holds."""
        return Unrecorded(self._given)

    def save_interrupted(self) -> None:
        """Lets those that record the run do so, as a signal ends it."""
        save_interrupted(self.callbacks)

    @property
    def waste(self) -> Waste:
        """Where the run is to count steps that hooks have made it take for nothing."""
        return self._calls.waste

    @property
    def spans(self) -> Spans:
        """Where the run is to tell what took how long."""
        return self._calls.spans

    @property
    def recorders(self) -> list[Recorder]:
        """What records the run so that its batches can be visited later."""
        return recorders_of(self.callbacks)

    def rejoin(self, epoch: int) -> None:
        """Calls ``on_epoch_begin`` in an epoch that had begun, of callbacks without a state.

        They do not know of it. What they change in the model is of no account, as the recorded
        state is put in place afterwards; those with a state get that.

        Args:
            epoch: The epoch, counted from 0.
        """
        self._calls.epoch = epoch
        for callback in self._given:
            if not is_stateful(callback) and (hook := overrider(callback, "on_epoch_begin")):
                hook(epoch, {})

    def tell_resumed(self, run: RunState) -> None:
        """Tells the user where a run continues, and warns of what could not be restored.

        Args:
            run: The state that it continues from.
        """
        warn_of_forgotten(self.callbacks, run)
        if is_in_lead(self) and (self.params or {}).get("verbose"):
            print_message(describe_resumed(run))

    def resume(
        self,
        epoch: int,
        states: Mapping[str, Any],
        recorded: SettingsView | None = None,
        settings: SettingsView | None = None,
    ) -> None:
        """Restores the states of all callbacks, in the middle of a run.

        Args:
            epoch: The epoch, counted from 0.
            states: What `state_dict` returned.
            recorded: What `settings` returned in the recorded run; None if it is not known.
            settings: What it returned before this one began.
        """
        self._calls.epoch = epoch
        restore_states(self.callbacks, states, recorded, settings)
        for callback in self.callbacks:
            if isinstance(callback, ProgbarLogger):
                callback.epoch = epoch

    def teardown(self, error: BaseException | None = None) -> None:
        """Lets every callback close what it holds open; call it in a ``finally`` around the run.

        One that fails is only told about, in a note on the error that ended the run or else in a
        warning.

        Args:
            error: What ended the run, if it did not end normally.
        """
        self._calls.watching = False
        if error is not None:
            self.on_exception(error)
        callbacks = [callback for callback in self.callbacks if isinstance(callback, Callback)]
        AtEnd(*(partial(tear_down, callback) for callback in callbacks)).take(error)
        self._exception = None

    def on_exception(self, exception: BaseException) -> None:
        """Calls this hook of every callback that has it, once; their own failures are notes."""
        if self._exception is exception:
            return
        self._exception = exception
        for callback in self.callbacks:
            hook = overrider(callback, "on_exception")
            if hook is None or self._calls.is_off(callback):
                continue
            try:
                hook(exception)
            except Exception as failure:
                exception.add_note(f"`{type(callback).__name__}.on_exception` failed: {failure!r}.")

    def note_interrupt(self, epoch: int, batch: int) -> None:
        """Records in the History that Ctrl-C has ended the run, in an epoch after n batches."""
        self._histories.note_stop(
            RunEvent("stop", "KeyboardInterrupt", epoch, batch - 1 if batch else None)
        )
        self._histories.note_events()

    def tell_interrupted(self) -> None:
        """Tells the user that Ctrl-C has ended the run."""
        if is_in_lead(self):
            stop = self._histories.stop
            at = "" if stop is None else f" at {place(stop.epoch, stop.batch)}"
            print_message(f"Interrupted{at}; `fit` returns the history so far.")

    def state_dict(self) -> dict[str, Any]:
        """Returns the state of every callback that has one, by class name: `EarlyStopping_1`."""
        return collect_states(self.callbacks, self._calls.state_of)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Gives every callback its state back; call it after ``on_train_begin``, which resets.

        Callbacks without a recorded state, and states without a callback, are warned about.

        Args:
            state: What `state_dict` returned for the same callbacks in the same order.
        """
        restore_states(self.callbacks, state)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Checks what callbacks want from the logs, then calls this hook of all that override it.

        Raises:
            ValueError: A callback needs a key that the logs of this run will not have.
        """
        self._calls.epoch, self._calls.watching = None, True
        self._histories.note_stop(None)
        self._calls.start()
        self._histories.note_costs(self._calls.accounts)
        self._calls.look_up(self.callbacks)  # settings may have been assigned since
        check_log_needs(self.callbacks, getattr(self._model, "log_keys", None))
        self._calls.call("on_train_begin", logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.epoch, self._calls.watching = None, False
        self._calls.call("on_train_end", logs)
        self._histories.note_events()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.epoch = epoch
        self._calls.call("on_epoch_begin", logs, epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.epoch = epoch
        self._calls.call("on_epoch_end", logs, epoch)
        self._histories.note_events()
        self._calls.warn_of_costs()

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call_batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call_batch("on_train_batch_end", batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_begin`."""
        self._calls.call_batch("on_train_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_end`."""
        self._calls.call_batch("on_train_batch_end", batch, logs)

    def on_validation_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call_batch("on_validation_end", batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.look_up(self.callbacks)
        self._calls.call("on_test_begin", logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call_batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call_batch("on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.look_up(self.callbacks)
        self._calls.call("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call_batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls this hook of every callback that overrides it."""
        self._calls.call_batch("on_predict_batch_end", batch, logs)

    def __repr__(self) -> str:
        """Returns the callbacks' names, and after a run the table of what they cost."""
        names = ", ".join(type(callback).__name__ for callback in self.callbacks)
        costs = self._histories.costs
        return f"<CallbackList: {names or 'no callbacks'}>" + f"\n{costs}" * bool(costs)

    def _repr_html_(self) -> str:
        return fixed(repr(self))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.callbacks)

    def __len__(self) -> int:
        return len(self.callbacks)

    def _take(self, callbacks: object, path: str) -> None:
        """Adds the user's callbacks and looks up again who overrides what."""
        for entry in flatten(callbacks, path):
            if isinstance(entry.callback, CallbackList):
                self._given.extend(entry.callback)
            else:
                check(entry)
                self._given.append(entry.callback)
        for callback in self._given:
            _tell(callback, "set_callback_list", self)
        # What the user passes takes the place of what this list would add.
        self._added = [
            added
            for added in self._added
            if not any(isinstance(given, type(added)) for given in self._given)
        ]
        self._calls.look_up(self.callbacks)

    def _publish_history(self) -> None:
        if (latest := self._histories.latest) is not None and self._model is not None:
            self._model.history = latest


def _give(callback: object, model: ModelView | None) -> None:
    """Gives a callback the model, or what the model has it see in its place."""
    seen_by = getattr(type(model), "as_seen_by", None)
    _tell(callback, "set_model", model if seen_by is None else seen_by(model, callback))


def _tell(callback: object, setter: str, value: object) -> None:
    """Calls a setter that a duck-typed callback may lack; None is nothing to tell."""
    method = getattr(callback, setter, None)
    if value is not None and method is not None:
        method(value)
