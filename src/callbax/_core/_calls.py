"""Calls of what is public: exceptions that end with what to do."""

import contextlib
import functools
import inspect
import os
import re
from collections.abc import Callable, Mapping
from traceback import walk_tb
from types import TracebackType
from typing import ParamSpec, TypeVar

import jax

from callbax._core._errors import explain
from callbax._core._misfits import is_misfit, misfit, names_of

_P = ParamSpec("_P")
_R = TypeVar("_R")

UNTRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
"""What JAX raises if code asks for the numbers of an array while it is compiled."""
_INSIDE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARIES = tuple(f"{os.sep}{name}{os.sep}" for name in ("jax", "flax", "optax", "equinox"))
_BEATS = re.compile("`: (expected .*, received |no .* is registered under )", re.DOTALL)
_JAX_NOTE = "JAX has removed its internal frames"


def public(
    name: str, *, former: Mapping[str, str] | None = None
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Returns a decorator for a public method: what it raises is told in the words of its caller.

    A call with arguments that it does not take names the closest that it takes. Code of the user's
    that cannot be compiled is named, with what to do. Where callbax has the last word, the
    traceback leaves out the way there through callbax and JAX, and what JAX says of its own frames.
    A call that succeeds is not looked at.

    Args:
        name: Its name, as messages say it: ``"fit"``.
        former: Argument that others have or had -> what to write in its place.
    """

    def decorate(method: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(method)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                return method(*args, **kwargs)
            except Exception as error:
                if is_misfit(error):
                    legal = names_of(inspect.signature(method))
                    raise misfit(name, method, legal, args, kwargs, former or {}) from None
                _add_cure(error, name)
                if not _is_told(error):
                    raise
                _drop_jax_note(error)
                raise error.with_traceback(_short(error.__traceback__))  # noqa: B904  the same

        return call

    return decorate


def _is_ours(error: BaseException) -> bool:
    """Returns whether an exception was raised by callbax's own code."""
    last = None
    for frame, _ in walk_tb(error.__traceback__):
        last = frame.f_code.co_filename
    return last is not None and last.startswith(_INSIDE)


def has_beats(error: BaseException) -> bool:
    """Returns whether the message of an exception says by itself what to do, as callbax's do."""
    return _BEATS.search(str(error)) is not None


def _add_cure(error: BaseException, name: str) -> None:
    """Notes on an exception of JAX's about code that it cannot compile what to do about it."""
    if not isinstance(error, UNTRACEABLE) or any("run_eagerly" in n for n in notes_of(error)):
        return
    error.add_note(
        explain(
            name,
            expected="losses, metrics and modules that can be compiled",
            received=f"{_user_s_code(error)}, which asks for the numbers of an array while it is "
            "compiled",
            action="Use `jax.numpy` in place of `numpy`, `jnp.where(condition, a, b)` in place of "
            "`if`, and `jax.debug.print` in place of `print`. To look at it with a debugger, "
            "compile(run_eagerly=True).",
        )
    )


def _user_s_code(error: BaseException) -> str:
    """Returns the function and line of the user's code from which an exception came."""
    place = "code"
    for frame, line in walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if not _is_inside(file):
            place = f"`{frame.f_code.co_name}` ({os.path.basename(file)}, line {line})"
    return place


def notes_of(error: BaseException) -> list[str]:
    """Returns the notes on an exception."""
    return getattr(error, "__notes__", [])


def _is_told(error: BaseException) -> bool:
    """Returns whether an exception says by itself, or by its notes, what to do."""
    said = [*notes_of(error), *([str(error)] if _is_ours(error) else ())]
    return any(_BEATS.search(text) for text in said)


def _drop_jax_note(error: BaseException) -> None:
    notes = notes_of(error)
    if any(_JAX_NOTE in note for note in notes):
        error.__notes__ = [note for note in notes if _JAX_NOTE not in note]


def _short(traceback: TracebackType | None) -> TracebackType | None:
    """Returns a traceback without the way through callbax, JAX and the like, but for its end.

    ``JAX_TRACEBACK_FILTERING=off`` leaves all as it is.
    """
    if jax.config.jax_traceback_filtering == "off":  # type: ignore[attr-defined]
        return traceback
    steps = []
    while traceback is not None:
        steps.append(traceback)
        traceback = traceback.tb_next
    short = None
    for step in reversed(steps):
        if short is None or not _is_inside(step.tb_frame.f_code.co_filename):
            short = TracebackType(short, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return short


def _is_inside(file: str) -> bool:
    inside = file.startswith(_INSIDE) or file == contextlib.__file__
    return inside or any(part in file for part in _LIBRARIES)
