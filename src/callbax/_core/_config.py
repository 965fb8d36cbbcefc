"""What an object was made with, as plain values."""

import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np


def parameters(owner: type) -> dict[str, inspect.Parameter]:
    """Returns the named arguments of a class's constructor, those of its bases among them.

    Bases count as long as the constructors before them hand on what they do not know.
    """
    found: dict[str, inspect.Parameter] = {}
    for base in owner.__mro__:
        if base is object or "__init__" not in vars(base):
            continue
        hands_on = False
        for name, parameter in inspect.signature(vars(base)["__init__"]).parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                hands_on = True
            elif name != "self" and parameter.kind is not parameter.VAR_POSITIONAL:
                found.setdefault(name, parameter)
        if not hands_on:
            break
    return found


def config_of(made: object, *, leave_out: Iterable[str] = ()) -> dict[str, Any]:
    """Returns the constructor's arguments of an object: its attributes of the same names.

    Args:
        made: The object.
        leave_out: Arguments that are not part of what it is.

    Example:
        >>> class Scaled:
        ...     def __init__(self, factor, name=None):
        ...         self.factor, self.name = factor, name
        >>> config_of(Scaled(2.0))
        {'factor': 2.0, 'name': None}
    """
    names = [name for name in parameters(type(made)) if name not in leave_out]
    return {name: _plain(getattr(made, name)) for name in names if hasattr(made, name)}


def unknown_arguments(made: object, *, leave_out: Iterable[str] = ()) -> list[str]:
    """Returns the constructor's arguments of which an object keeps no attribute."""
    names = (name for name in parameters(type(made)) if name not in leave_out)
    return [name for name in names if not hasattr(made, name)]


def _plain(value: Any) -> Any:
    if isinstance(value, np.dtype):
        return value.name
    # A number that came as a scalar of NumPy or JAX; JSON knows neither.
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value
