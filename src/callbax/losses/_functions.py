"""Functions of (y_true, y_pred) that users pass as losses and metrics: what can be wrong."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax._core._warnings import warn

_EITHER_WAY = (
    "cosine_distance",
    "cosine_similarity",
    "huber_loss",
    "l2_loss",
    "log_cosh",
    "squared_error",
)
"""Losses of optax that are the same whichever of the two comes first."""
_OF_PREDICTIONS = ("pred", "logit", "score", "output")
_OF_LABELS = ("true", "label", "target")


def check_function(where: str, function: Callable[..., Any]) -> None:
    """Raises for a function that cannot be called as (y_true, y_pred), or means them otherwise.

    Args:
        where: The public call, without backticks: ``compile(loss=...)``.
        function: What the user passed.

    Raises:
        TypeError: It takes another number of arguments, or is one of optax's that takes the
            predictions first.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # Some builtins tell nothing.
    name = name_of(function)
    try:
        signature.bind(None, None)
    except TypeError as misfit:
        raise TypeError(
            explain(
                where,
                expected="a function of (y_true, y_pred)",
                received=f"`{name}{signature}` ({misfit})",
                action="Let it take both, the labels first; give other arguments defaults, or fix "
                "them by `functools.partial`.",
            )
        ) from None
    names = list(signature.parameters)[:2]
    if not _is_swapped(names):
        return
    inner: Any = function.func if isinstance(function, functools.partial) else function
    if str(getattr(inner, "__module__", "")).startswith("optax."):
        if name not in _EITHER_WAY:
            raise TypeError(
                explain(
                    where,
                    expected="a function of (y_true, y_pred)",
                    received=f"`optax.{name}`, which is one of ({', '.join(names)})",
                    action="Give it the predictions first: "
                    f"lambda y_true, y_pred: optax.{name}(y_pred, y_true).",
                )
            )
    else:
        warn(
            f"`{where}`: `{name}({', '.join(names)})` is called as `{name}(y_true, y_pred)`, the "
            "labels first. Change the order of its arguments, or of their names."
        )


def name_of(function: Any) -> str:
    """Returns the name of a function, or of the one that a partial fixes arguments of."""
    inner = function.func if isinstance(function, functools.partial) else function
    return str(getattr(inner, "__name__", type(inner).__name__))


def returned(function: Any, values: Any) -> Array:
    """Returns what a loss or metric of the user's returned, if it can be numbers.

    Args:
        function: The loss or metric, or the function that it was made of.
        values: What it returned.

    Raises:
        TypeError: It is None, a tuple, a dict, or text.
    """
    if values is not None and not isinstance(values, tuple | Mapping | str):
        array: Array = values
        return array
    raise TypeError(
        explain(
            f"{name_of(function)}(y_true, y_pred)",
            expected="an array with one value per sample, or their mean",
            received=describe(values),
            action="End the function with `return` and the value."
            if values is None
            else "Return the value alone; what is to be reported beside it is a metric of its own.",
        )
    )


def _is_swapped(names: list[str]) -> bool:
    first, second = (name.lower() for name in names) if len(names) == 2 else ("", "")
    return any(part in first for part in _OF_PREDICTIONS) and any(
        part in second for part in _OF_LABELS
    )
