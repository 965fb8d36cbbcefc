"""What a callback must stand: kills, exceptions, several fits, copies."""

import copy
import json
import os
import pickle
import tempfile
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from callbax._core._hooks import HOOKS
from callbax._stores._encoding import decode, encode
from callbax.callbacks import BackupAndRestore, Callback, CallbackList
from callbax.callbacks._checks import overrider
from callbax.testing._differences import first_difference
from callbax.testing._trial import EPOCHS, MakeModel, Trial, failed, has_state, make_model
from callbax.testing.killing import kill_at

KILLS = ((0, 1), (1, 0), (1, 4), (2, None))
"""Epochs and batches at which a fit is interrupted; None is the epoch's end."""
FIT_HOOKS = tuple(hook for hook in HOOKS if "predict" not in hook and hook != "on_validation_end")


class Interrupted(BaseException):
    """Ends a fit from within; nothing may catch it."""


@dataclass(frozen=True)
class CallbackReport:
    """What was found out about a callback that stands all checks.

    Attributes:
        callback: Its class name.
        hooks: The hooks that it overrides.
        has_state: Whether backups keep a state of it.
        single_steps: Whether it makes ``fit`` run one step per dispatch.
        interruptions: At how many places a fit was interrupted and continued.
        exceptions: In how many hooks an exception was raised.

    Example:
        >>> CallbackReport("Mine", ("on_epoch_end",), True, False, 4, 9).single_steps
        False
    """

    callback: str
    hooks: tuple[str, ...]
    has_state: bool
    single_steps: bool
    interruptions: int
    exceptions: int


def check_callback(
    make_callback: object,
    *,
    make_model: MakeModel = make_model,
    ignored: Collection[str] = (),
) -> CallbackReport:
    """Tries a callback in small fits: with states, kills, exceptions, copies, one after another.

    Use it in the tests of a callback that others are to use.

    - The state survives the form in which backups keep it, which has no pickles.
    - A fit that is interrupted, at batches and at an epoch's end, and continued with
      `BackupAndRestore` and a new callback, ends as the uninterrupted one does: with the same
      weights, History and state, and the same numbers in the callback's attributes.
    - A second fit with the same callback ends as the first.
    - An exception in any hook of a fit comes out, the callback's ``teardown`` closes what it has
      open, and the model can be trained again.
    - Copies and what is read from a pickle do as the callback does.

    Attributes that differ between two uninterrupted fits, as times do, do not count.

    Args:
        make_callback: Returns a new callback at each call, such as its class; or a callback, to be
            copied before each fit.
        make_model: Returns a new compiled model for inputs of shape (batch, 4) and targets of shape
            (batch, 1), if the callback needs a special one.
        ignored: Names of attributes and keys of the state that may differ, such as a record that
            is meant to grow over several fits.

    Returns:
        What was found out.

    Raises:
        AssertionError: The callback does not stand it; the message says what failed.

    Example:
        >>> class Counter(Callback):
        ...     def on_train_begin(self, logs=None):
        ...         self.count = 0
        ...     def on_train_batch_end(self, batch, logs=None):
        ...         self.count += 1
        >>> try:
        ...     check_callback(Counter())
        ... except AssertionError as error:
        ...     print(error)
        `check_callback(Counter: interrupted at epoch 0, batch 1)`: expected ...
        Let `state_dict` return it and `load_state_dict` restore it, or name it in `ignored`.
    """
    made: Any = make_callback
    is_factory = isinstance(made, type) or not any(hasattr(made, hook) for hook in HOOKS)
    trial = Trial(made if is_factory else lambda: copy.deepcopy(made), make_model, ignored)
    callback = trial.make()
    name = type(callback).__name__
    whole = _whole(trial, name)
    _check_states(trial, name)
    _check_interruptions(trial, name, whole)
    _check_second_fit(trial, name, whole)
    exceptions = _check_exceptions(trial, name)
    _check_copies(trial, name, whole)
    return CallbackReport(
        name,
        tuple(hook for hook in HOOKS if overrider(callback, hook) is not None),
        has_state(callback),
        CallbackList(callback).needs_exact("train"),
        len(KILLS),
        exceptions,
    )


def _whole(trial: Trial, name: str) -> dict[str, Any]:
    """Returns what an uninterrupted fit ends with, but for what differs between two of them."""
    ends = []
    for _ in range(2):
        callback = trial.make()
        before = _open_files()
        try:
            with _Teardowns(callback) as teardowns:
                end = trial.fit([callback])
        except Exception as error:
            raise failed(
                name,
                expected="a fit that comes to its end",
                received=f"{type(error).__name__}: {error}",
                action="Mend the hook that the notes of the error before name.",
            ) from error
        _check_closed(name, "after a fit", before, teardowns)
        ends.append({**end, "callback": trial.ends_with(callback)})
    one, other = ends
    for part in ("weights", "history"):
        _need_same(f"{name}: fits with two new callbacks", one[part], other[part], part)
    own, others = one["callback"], other["callback"]
    steady = {k: v for k, v in own.items() if k in others and not first_difference(v, others[k])}
    return {**one, "callback": steady}


def _check_states(trial: Trial, name: str) -> None:
    """Checks that a state is as it was once a backup has held it."""
    if not has_state(trial.make()):
        return
    callback = trial.make()
    found: list[Any] = []

    class Look(Callback):
        execution, runs_last = "fused", True

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                found.append(copy.deepcopy(callback.state_dict()))

    trial.fit([callback, Look()])
    for state in found:
        arrays: list[Any] = []
        try:
            text = json.dumps(encode(state, arrays, f"{name}.state_dict()"))
        except TypeError as error:
            raise failed(
                f"{name}.state_dict()",
                expected="a state that a file can hold without pickles",
                received=str(error).partition("received ")[2].partition(".\n")[0],
                action="Return dicts, lists, tuples, numbers, strings, None and arrays of these.",
            ) from error
        difference = first_difference(state, decode(json.loads(text), arrays), "the state")
        if difference is not None:
            raise failed(
                f"{name}.state_dict()",
                expected="the same state from a file",
                received=difference,
                action="Return only dicts, lists, tuples, numbers, strings, None and arrays.",
            )


def _check_interruptions(trial: Trial, name: str, whole: dict[str, Any]) -> None:
    """Checks that a fit which is interrupted and continued ends as one that is not."""
    for epoch, batch in KILLS:
        at = f"epoch {epoch}, batch {batch}" if batch is not None else f"the end of epoch {epoch}"
        with tempfile.TemporaryDirectory() as directory:
            backup = BackupAndRestore(directory, save_freq=1)
            try:
                trial.fit([trial.make(), kill_at(epoch, batch, raising=Interrupted), backup])
            except Interrupted:
                pass
            else:
                continue  # the callback has stopped the run before
            callback = trial.make()
            again = BackupAndRestore(directory, save_freq=1)
            with warnings.catch_warnings():  # what it warns of is what is looked at here
                warnings.filterwarnings("ignore", "Not restored, as these callbacks")
                end = trial.fit([callback, kill_at(EPOCHS), again])
        received = {**end, "callback": trial.ends_with(callback)}
        _need_same(f"{name}: interrupted at {at}", whole, received, "the end", steady=True)


def _check_second_fit(trial: Trial, name: str, whole: dict[str, Any]) -> None:
    callback = trial.make()
    trial.fit([callback])
    received = {**trial.fit([callback]), "callback": trial.ends_with(callback)}
    if (difference := _difference(whole, received)) is not None:
        raise failed(
            f"{name}: a second fit",
            expected="the same end as of the first fit",
            received=difference,
            action="Start afresh in `on_train_begin`, or name it in `ignored` if it is meant.",
        )


def _check_exceptions(trial: Trial, name: str) -> int:
    """Raises in every hook; returns in how many."""
    model, raised = trial.new_model(), 0
    for hook in FIT_HOOKS:
        callback, before = trial.make(), _open_files()
        killer = _Raising(hook)
        with _Teardowns(callback) as teardowns:
            try:
                trial.fit([callback, killer], model)
            except Interrupted:
                raised += 1
        _check_closed(name, f"after an exception in {hook}", before, teardowns)
        try:
            trial.fit([callback], model)
        except Exception as error:
            raise failed(
                f"{name}: after an exception in {hook}",
                expected="a callback and a model that can be used again",
                received=f"{type(error).__name__}: {error}",
                action="Undo in `teardown` what the hooks have begun.",
            ) from error
    return raised


def _check_copies(trial: Trial, name: str, whole: dict[str, Any]) -> None:
    """Checks that copies, made before and after a fit, do as the callback does."""
    used = trial.make()
    trial.fit([used])
    for when, original in (("before", trial.make()), ("after", used)):
        for what, copied in _COPIES.items():
            try:
                twin = copied(original)
            except Exception as error:
                raise failed(
                    f"{name}: {what} {when} a fit",
                    expected="a callback that can be copied and pickled",
                    received=f"{type(error).__name__}: {error}",
                    action="Leave open files and locks out in `__getstate__`, and define the class "
                    "and its functions in a module.",
                ) from error
            end = {**trial.fit([twin]), "callback": trial.ends_with(twin)}
            _need_same(f"{name}: {what} {when} a fit", whole, end, "the end")


_COPIES: dict[str, Callable[[Any], Any]] = {
    "a copy": copy.deepcopy,
    "a pickle": lambda callback: pickle.loads(pickle.dumps(callback)),
}


class _Raising(Callback):
    """Raises at the first call of a hook, in whichever epoch that is."""

    execution = "fused"

    def __init__(self, hook: str) -> None:
        super().__init__()
        setattr(self, hook, self._interrupt)

    def _interrupt(self, *_: Any, **__: Any) -> None:
        raise Interrupted


class _Teardowns:
    """Watches the calls of a callback's ``teardown`` while a block lasts."""

    def __init__(self, callback: Any) -> None:
        self._callback = callback
        self.calls = 0
        self.error: Exception | None = None
        self.is_told = isinstance(callback, Callback)

    def __enter__(self) -> "_Teardowns":
        if self.is_told:
            teardown = self._callback.teardown

            def watched() -> None:
                self.calls += 1
                try:
                    teardown()
                except Exception as error:
                    self.error = error

            self._callback.teardown = watched
        return self

    def __exit__(self, *error: object) -> None:
        if self.is_told:
            del self._callback.teardown


def _check_closed(name: str, when: str, before: set[str], teardowns: _Teardowns) -> None:
    """Checks that `teardown` was called, has not failed and has left nothing open."""
    if teardowns.error is not None or (teardowns.is_told and not teardowns.calls):
        raise failed(
            f"{name}: {when}",
            expected="a `teardown` that is called and succeeds",
            received="no call" if teardowns.error is None else repr(teardowns.error),
            action="Let it cope with a run that ended anywhere, and with being called twice.",
        )
    if left := _open_files() - before:
        raise failed(
            f"{name}: {when}",
            expected="no file left open",
            received=", ".join(sorted(left)),
            action="Close it in `teardown`, which is called however a run ends.",
        )


def _open_files() -> set[str]:
    """Returns the files that this process has open; none if the system does not tell."""
    found: set[str] = set()
    if os.path.isdir("/proc/self/fd"):
        for descriptor in os.listdir("/proc/self/fd"):
            path = f"/proc/self/fd/{descriptor}"
            if os.path.isfile(path):
                found.add(os.readlink(path))
    return found


def _difference(expected: dict[str, Any], received: dict[str, Any]) -> str | None:
    for part in ("weights", "history", "callback"):
        got = received[part]
        if part == "callback":  # what differs between any two fits does not count
            got = {key: got.get(key) for key in expected[part]}
        if difference := first_difference(expected[part], got, part):
            return difference
    return None


def _need_same(where: str, expected: Any, received: Any, what: str, steady: bool = False) -> None:
    whole = isinstance(expected, dict) and "callback" in expected
    difference = (
        _difference(expected, received) if whole else first_difference(expected, received, what)
    )
    if difference is None:
        return
    action = "Keep nothing outside of the callback, and draw random numbers from a seed."
    if steady:
        action = "Let `state_dict` return it and `load_state_dict` restore it, or name it in "
        action += "`ignored`."
    raise failed(
        where, expected="the end of an uninterrupted fit", received=difference, action=action
    )
