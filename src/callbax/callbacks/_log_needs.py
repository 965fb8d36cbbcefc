"""Keys that callbacks read from the logs: found missing before the first step."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from callbax._core._errors import closest, describe, explain
from callbax._core._warnings import warn
from callbax.callbacks._checks import overrider


class LogNeed(NamedTuple):
    """A key that a callback reads from the logs.

    Attributes:
        key: The key.
        where: The public call that asks for it, without backticks.
        in_batches: Whether it is read from the logs of batches rather than those of epochs.
        surely: Whether the run fails without it.
    """

    key: str
    where: str
    in_batches: bool = False
    surely: bool = False


def check_log_needs(callbacks: Iterable[Any], log_keys: tuple[str, ...] | None) -> None:
    """Raises for a key that no logs of the run will have.

    It only warns if a callback whose additions are unknown may still add the key, and
    if nothing but the validation is missing, of which Keras too only warns where it is monitored.

    Args:
        callbacks: All of the run. One that reads keys returns them from ``log_needs()``; one that
            adds keys names them in `adds_logs`.
        log_keys: Keys of the epochs' logs, ``val_`` ones included if validation will run; None
            if unknown.

    Raises:
        ValueError: A key is unknown; the message lists the closest ones.
    """
    if not isinstance(log_keys, tuple):
        return
    callbacks = list(callbacks)
    for callback in callbacks:
        needs = getattr(type(callback), "log_needs", None)
        for need in needs(callback) if needs is not None else ():
            keys = {key for key in log_keys if not (need.in_batches and _validates(key, log_keys))}
            hook = "on_train_batch_end" if need.in_batches else "on_epoch_end"
            unknown = []
            for other in callbacks:
                added = _added(other, hook)
                keys.update(added or ())
                if added is None:
                    unknown.append(type(other).__name__)
            if need.key not in keys:
                _complain(need, keys, unknown)


def note_missing_key(error: BaseException, logs: Mapping[str, Any], where: str) -> None:
    """Notes on the KeyError of a hook which key of the logs it may have meant.

    Args:
        error: What the hook raised.
        logs: Its logs.
        where: The hook: ``LossPrinter.on_epoch_end``.
    """
    key = error.args[0] if isinstance(error, KeyError) and error.args else None
    if not isinstance(key, str) or key in logs or _TOLD in "".join(_notes(error)):
        return
    action = (
        closest(_LONG_NAMES.get(key, key), logs) if logs else "The logs of beginnings are empty."
    )
    if _validates(key, {key, *logs}) and key.removeprefix("val_") in logs:
        action = "Pass `validation_data` to `fit`; keys of epochs without validation lack `val_`."
    error.add_note(
        explain(
            where,
            expected=_TOLD,
            received=f"{key!r}, which is not among {', '.join(sorted(map(str, logs))) or 'none'}",
            action=action,
        )
    )


_TOLD = "a key of the logs"
_LONG_NAMES = {"acc": "accuracy", "val_acc": "val_accuracy", "lr": "learning_rate"}
"""Short names of older versions of Keras -> those that are likely to be in the logs."""


def _notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


def _validates(key: str, keys: Iterable[str]) -> bool:
    return key.startswith("val_") and key.removeprefix("val_") in keys


def _added(callback: object, hook: str) -> Iterable[str] | None:
    """Returns the keys that a callback adds to the logs of a hook, None if unknown."""
    if overrider(callback, hook) is None:
        return ()
    # Of its very class: a subclass may add others.
    declared: Iterable[str] | None = vars(type(callback)).get("adds_logs")
    return declared


def _complain(need: LogNeed, keys: set[str], unknown: list[str]) -> None:
    logs = "batches' logs" if need.in_batches else "epochs' logs"
    only_validation = not need.in_batches and _validates(need.key, keys)
    if only_validation:
        action = "Pass `validation_data` to `fit`, or take a key without `val_`."
    else:
        action = closest(need.key, keys)
    message = explain(
        need.where,
        expected=f"a key of the {logs}",
        received=f"{describe(need.key)}, which is not among {', '.join(sorted(keys))}",
        action=action,
    )
    if unknown:
        names = ", ".join(dict.fromkeys(unknown))
        warn(f"{message} Fine if {names} will add it.")
    elif only_validation and not need.surely:
        warn(message)
    else:
        raise ValueError(message)
