"""Calls with arguments that are not taken: told with the closest that are."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from callbax._core._config import parameters
from callbax._core._errors import closest, explain


def explain_arguments(cls: type, former: Mapping[str, str] | None = None) -> None:
    """Lets a class name the arguments that its constructor does not take, and the closest ones.

    Args:
        cls: A class of callbax, perhaps with the constructor of a base; those of users stay as
            they are.
        former: Argument that others have or had -> what to write in its place.
    """
    base = next(base for base in cls.__mro__ if "__init__" in vars(base))
    if base is object:
        base, own = cls, _nothing
    else:
        own = vars(base)["__init__"]
    if not base.__module__.startswith("callbax.") or "explains" in vars(own):
        return

    @functools.wraps(own)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            own(self, *args, **kwargs)
        except TypeError as error:
            if not is_misfit(error):
                raise
            made = type(self)
            given = (self, *args)
            # A constructor that hands on what it does not know: its arguments count too.
            raise misfit(
                made.__name__, own, list(parameters(made)), given, kwargs, former or {}
            ) from None

    init.__dict__["explains"] = True  # this one is wrapped, and not once more
    base.__init__ = init  # type: ignore[misc]


def _nothing(self: object) -> None:
    """The constructor of a class that has none."""


def misfit(
    name: str,
    function: Callable[..., Any],
    legal: list[str],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    former: Mapping[str, str],
) -> TypeError:
    """Builds the error for a call with arguments that a function does not take.

    Args:
        name: The call, as messages say it.
        function: What was called.
        legal: Names of the arguments that it takes.
        args: What was passed by place.
        kwargs: What was passed by name.
        former: Argument that others have or had -> what to write in its place.
    """
    signature = inspect.signature(function)
    unknown = next((key for key in kwargs if key not in signature.parameters), None)
    if unknown is not None:
        return TypeError(
            explain(
                f"{name}({unknown}=...)",
                expected=f"arguments that `{name}` takes",
                received=f'"{unknown}"',
                action=former.get(unknown) or closest(unknown, legal),
            )
        )
    return TypeError(
        explain(
            f"{name}(...)",
            expected=f"arguments as in {name}({', '.join(legal)})",
            received=_reason(signature, args, kwargs),
            action="Pass what has no default first, and the rest by name.",
        )
    )


def is_misfit(error: BaseException) -> bool:
    """Returns whether a call never came to its function: the only frame is that of the caller."""
    traceback = error.__traceback__
    return isinstance(error, TypeError) and traceback is not None and traceback.tb_next is None


def names_of(signature: inspect.Signature) -> list[str]:
    return [name for name in signature.parameters if name != "self"]


def _reason(signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Returns why a call with known names does not fit."""
    try:
        given = signature.bind_partial(*args, **kwargs).arguments
    except TypeError as error:
        return str(error)
    needed = (p for p in signature.parameters.values() if p.kind not in _COLLECTED)
    lacking = [f"`{p.name}`" for p in needed if p.default is p.empty and p.name not in given]
    return f"none for {' and '.join(lacking)}"


_COLLECTED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
