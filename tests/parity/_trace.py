"""What happened in a run, as a list of events, and the first place where two runs differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOLERANCE = 1e-5
"""Both relative and absolute."""

NEIGHBOURS = 4
"""Events shown before and after the first difference."""

INDEXED_HOOKS = (
    "on_epoch_begin",
    "on_epoch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_predict_batch_begin",
    "on_predict_batch_end",
)
RUN_HOOKS = (
    "on_train_begin",
    "on_train_end",
    "on_test_begin",
    "on_test_end",
    "on_predict_begin",
    "on_predict_end",
)
HOOKS = RUN_HOOKS + INDEXED_HOOKS


@dataclass(frozen=True)
class Event:
    """A hook call exactly as its arguments came, or a result: `fit returned`, `weights`..."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = [show(value) for value in self.args]
        shown += [f"{key}={show(value)}" for key, value in self.kwargs.items()]
        return f"{self.name}({', '.join(shown)})"


def recorder(lib: Any, trace: list[Event]) -> Any:
    """Returns a callback of the library's own that appends every hook call to the trace."""

    def recording(hook: str) -> Any:
        def method(callback: Any, *args: Any, **kwargs: Any) -> None:
            trace.append(Event(hook, tuple(map(frozen, args)), frozen(kwargs)))
            if hook in ("on_train_begin", "on_test_begin", "on_predict_begin"):
                trace.append(Event("params", (frozen(callback.params),)))

        return method

    hooks = {hook: recording(hook) for hook in HOOKS}
    return type("Recorder", (lib.callbacks.Callback,), hooks)()


def frozen(value: Any) -> Any:
    """Copies what a hook was given, so that nobody can change it afterwards."""
    if isinstance(value, Mapping):
        return {key: frozen(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [frozen(entry) for entry in value]
    if hasattr(value, "__array__") and np.ndim(value) > 0:
        return np.array(value)
    return value


def assert_same_trace(keras: Sequence[Event], callbax: Sequence[Event]) -> None:
    """Fails at the first event that differs, and shows what stands around it."""
    for position in range(max(len(keras), len(callbax))):
        theirs = keras[position] if position < len(keras) else None
        ours = callbax[position] if position < len(callbax) else None
        reason = event_difference(theirs, ours)
        if reason:
            raise AssertionError(_report(keras, callbax, position, reason))


def event_difference(theirs: Event | None, ours: Event | None) -> str | None:
    """Says how two events differ; None where they are the same."""
    if theirs is None or ours is None:
        return "one trace ends here"
    if theirs.name != ours.name:
        return f"{theirs.name} became {ours.name}"
    if len(theirs.args) != len(ours.args) or list(theirs.kwargs) != list(ours.kwargs):
        return "the arguments came another way (position or keyword)"
    return difference(list(theirs.args), list(ours.args), "args") or difference(
        theirs.kwargs, ours.kwargs, ""
    )


def difference(theirs: Any, ours: Any, path: str) -> str | None:
    """Says where two values first differ; None where they are the same.

    Types count: a log value must be a Python float on both sides, an output an array of the same
    dtype and shape. Dicts must have the same keys in the same order.
    """
    if type(theirs) is not type(ours):
        return f"{path}: type {type(theirs).__name__} became {type(ours).__name__}"
    if isinstance(theirs, dict):
        if list(theirs) != list(ours):
            return f"{path}: keys {list(theirs)} became {list(ours)}"
        found = (difference(theirs[key], ours[key], f"{path}[{key!r}]") for key in theirs)
        return next(filter(None, found), None)
    if isinstance(theirs, list):
        if len(theirs) != len(ours):
            return f"{path}: length {len(theirs)} became {len(ours)}"
        pairs = enumerate(zip(theirs, ours, strict=True))
        found = (difference(a, b, f"{path}[{index}]") for index, (a, b) in pairs)
        return next(filter(None, found), None)
    if isinstance(theirs, np.ndarray):
        if (theirs.shape, theirs.dtype) != (ours.shape, ours.dtype):
            before, after = (f"{a.dtype}{list(a.shape)}" for a in (theirs, ours))
            return f"{path}: {before} became {after}"
        if np.allclose(theirs, ours, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            return None
        return f"{path}: values differ by up to {np.nanmax(np.abs(theirs - ours)):.3g}"
    if isinstance(theirs, float):
        if np.isclose(theirs, ours, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            return None
        return f"{path}: {theirs:.6g} became {ours:.6g}"
    return None if theirs == ours else f"{path}: {theirs!r} became {ours!r}"


def show(value: Any) -> str:
    """Writes a value on a few characters."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, np.ndarray):
        first = np.array2string(value.ravel()[:4], precision=5, separator=" ")
        return f"{value.dtype}{list(value.shape)}{first}"
    return repr(value)


def _report(keras: Sequence[Event], callbax: Sequence[Event], position: int, reason: str) -> str:
    lines = [f"callbax differs from Keras at event {position}: {reason}", ""]
    first = max(0, position - NEIGHBOURS)
    lines += [f"  both    {n:4}  {callbax[n]}" for n in range(first, position)]
    for who, trace in (("keras", keras), ("callbax", callbax)):
        lines += [
            f"{'>' if n == position else ' '} {who:8}{n:4}  {trace[n]}"
            for n in range(position, min(len(trace), position + NEIGHBOURS + 1))
        ]
        if position >= len(trace):
            lines.append(f"> {who:8}{position:4}  (nothing more)")
    return "\n".join(lines)
