"""Keys that callbacks read from the logs: found missing before the first step."""

from collections.abc import Iterable
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
