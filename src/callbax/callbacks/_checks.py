"""What is found out about callbacks before anything runs: their hooks, and mistakes in them."""

import difflib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from callbax._core._errors import closest, describe, explain
from callbax._core._hooks import ALIASES, BATCH_HOOKS, EPOCH_HOOKS, HOOKS, Mode
from callbax._core._warnings import warn

HOOK_NAMES = (*HOOKS, *ALIASES.values(), "on_exception")
EXECUTIONS = ("auto", "fused", "exact")


class Entry(NamedTuple):
    """A callback and where the user put it: ``callbacks[1]``."""

    path: str
    callback: Any


def flatten(callbacks: object, path: str) -> Iterator[Entry]:
    """Walks nested lists and tuples of callbacks, in order."""
    if isinstance(callbacks, list | tuple):
        for index, item in enumerate(callbacks):
            yield from flatten(item, f"{path}[{index}]")
    else:
        yield Entry(path, callbacks)


def overrider(callback: object, hook: str) -> Callable[..., Any] | None:
    """Returns the method of a callback that answers a hook, under its older name too, or None."""
    if _declined(callback, hook):
        return None
    for name in (hook, ALIASES.get(hook)):
        method = getattr(callback, name, None) if name else None
        # `is True`: a mock answers every attribute with something truthy.
        if method is not None and getattr(method, "_is_default", False) is not True:
            return method  # type: ignore[no-any-return]
    return None


def announced(callback: object, hook: str) -> Callable[..., Any] | None:
    """Returns a call of a batch hook that a callback says it will have, or None.

    tqdm's callback puts its hook on the instance when an epoch begins, and says so beforehand as
    callbacks of TensorFlow 2 do: ``_implements_train_batch_hooks``.
    """
    mode = hook.split("_")[1]
    says = getattr(callback, f"_implements_{mode}_batch_hooks", None)
    # `is True`: as above.
    if hook not in BATCH_HOOKS or not callable(says) or says() is not True:
        return None

    def call(batch: int, logs: Any) -> None:
        method = overrider(callback, hook)
        if method is not None:
            method(batch, logs=logs)

    return call


def _declined(callback: object, hook: str) -> bool:
    """Returns whether a callback's `wants_hook` says that the hook has nothing to do.

    What a class says of its own hook does not hold for a subclass that overrides the hook.
    """
    wants = getattr(type(callback), "wants_hook", None)
    if wants is None or wants(callback, hook):
        return False
    names = [vars(kind) for kind in type(callback).__mro__]
    said = next(depth for depth, own in enumerate(names) if "wants_hook" in own)
    return not any(hook in own for own in names[:said])


def overrides(callback: object, method: str, base: type) -> bool:
    """Returns whether a callback has another method than a class of its own has, by any way."""
    found = getattr(callback, method)
    return getattr(found, "__func__", None) is not vars(base)[method]


def execution(callback: object) -> str:
    """Returns how a callback asks to be run; "auto" for one that knows nothing of it."""
    wish = getattr(callback, "execution", "auto")
    return wish if isinstance(wish, str) else "auto"


def is_of_first(callback: object) -> bool:
    """Returns whether a callback's hooks are called in the first process alone."""
    return getattr(callback, "processes", "all") == "first"


def check(entry: Entry) -> None:
    """Raises for an object that cannot serve as a callback, warns for one that looks misspelt.

    Raises:
        TypeError: A class, an object without any hook, or a hook that cannot be called the way
            it will be.
        ValueError: An unknown `execution`.
    """
    path, callback = entry
    name = type(callback).__name__
    if isinstance(callback, type):
        raise TypeError(
            explain(
                path,
                expected="an instance of a callback",
                received=describe(callback),
                action=f"Call it: `{callback.__name__}(...)`.",
            )
        )
    if not any(hasattr(callback, hook) for hook in HOOK_NAMES):
        raise TypeError(
            explain(
                path,
                expected="a callback, which has at least one hook such as `on_epoch_end`",
                received=describe(callback),
                action="Pass a `Callback` or a (nested) list of them; leave out what is none, and "
                "wrap a function in `LambdaCallback(on_epoch_end=...)`.",
            )
        )
    wish = execution(callback)
    if wish not in EXECUTIONS:
        raise ValueError(
            explain(
                f"{path}: {name}.execution",
                expected='"auto", "fused" or "exact"',
                received=describe(wish),
                action=closest(wish, EXECUTIONS),
            )
        )
    for hook in HOOKS:
        method = overrider(callback, hook)
        if method is not None:
            _check_signature(f"{path}: {name}.{hook}", hook, method)
    _warn_of_misspelt_hooks(path, callback)


def _check_signature(where: str, hook: str, method: Any) -> None:
    """Raises if a hook could not be called, instead of hours later in the run."""
    args: tuple[Any, ...] = ({},)
    kwargs: dict[str, Any] = {}
    call = f"{hook}(logs)"
    if hook in EPOCH_HOOKS:
        args, call = (0, {}), f"{hook}(epoch, logs)"
    elif hook in BATCH_HOOKS:
        args, kwargs, call = (0,), {"logs": {}}, f"{hook}(batch, logs=logs)"
    if not callable(method):
        received = describe(method)
    else:
        try:
            signature = inspect.signature(method)
        except (TypeError, ValueError):
            return  # Some builtins and extension types tell nothing; the call itself will.
        try:
            signature.bind(*args, **kwargs)
        except TypeError as mismatch:
            received = f"one with the signature {signature} ({mismatch})"
        else:
            return
    raise TypeError(
        explain(
            where,
            expected=f"a method that can be called as `{call}`",
            received=received,
            action=f"Define it as `def {hook}(self, {call.partition('(')[2][:-1].split('=')[0]}"
            "=None)`.",
        )
    )


def _warn_of_misspelt_hooks(path: str, callback: object) -> None:
    """Warns of methods called almost like a hook, if nothing would ever call them."""
    cls = type(callback)
    for name in dir(cls):
        if not name.startswith("on") or name in HOOK_NAMES or not callable(getattr(cls, name)):
            continue
        meant = _FOREIGN_HOOKS.get(name) or next(iter(_like(name)), None)
        if meant is not None and not _is_called_inside(cls, name):
            warn(
                f"`{path}`: {cls.__name__} defines `{name}`, which is not a hook "
                f"and is never called. Did you mean `{meant}`?",
                UserWarning,
            )


_FOREIGN_HOOKS = {
    "on_batch_start": "on_train_batch_begin",
    "on_epoch_finish": "on_epoch_end",
    "on_epoch_start": "on_epoch_begin",
    "on_fit_end": "on_train_end",
    "on_fit_start": "on_train_begin",
    "on_step_begin": "on_train_batch_begin",
    "on_step_end": "on_train_batch_end",
    "on_test_start": "on_test_begin",
    "on_train_batch_start": "on_train_batch_begin",
    "on_train_epoch_end": "on_epoch_end",
    "on_train_epoch_start": "on_epoch_begin",
    "on_train_start": "on_train_begin",
    "on_training_end": "on_train_end",
    "on_training_start": "on_train_begin",
    "on_validation_batch_end": "on_test_batch_end",
    "on_validation_batch_start": "on_test_batch_begin",
    "on_validation_begin": "on_test_begin",
    "on_validation_epoch_end": "on_test_end",
    "on_validation_epoch_start": "on_test_begin",
    "on_validation_start": "on_test_begin",
}
"""Hooks of other libraries -> the hooks here."""


def _like(name: str) -> list[str]:
    """Returns the hooks that a name is almost the name of, nearest first."""
    spelt = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    if spelt in HOOK_NAMES:
        return [spelt]
    return difflib.get_close_matches(spelt, HOOK_NAMES, n=1, cutoff=0.87)


def _is_called_inside(cls: type, name: str) -> bool:
    """Returns whether a method of a class, or of one that it is derived from, speaks of a name."""
    methods = (method for base in cls.__mro__[:-1] for method in vars(base).values())
    codes = (getattr(method, "__code__", None) for method in methods)
    return any(code is not None and name in code.co_names for code in codes)


def needs_exact(callback: object, mode: Mode) -> bool:
    """Returns whether a callback needs one step per dispatch in a mode."""
    wish = execution(callback)
    if wish != "auto":
        return wish == "exact"
    hooks = (f"on_{mode}_batch_begin", f"on_{mode}_batch_end")
    return all(overrider(callback, hook) for hook in hooks)
