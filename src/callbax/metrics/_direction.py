"""How a plain function says which way it is better."""

from collections.abc import Callable
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


def higher_is_better(function: _Function) -> _Function:
    """Marks a function so that a metric made of it has the direction "up"."""
    function.__dict__["direction"] = "up"
    return function
