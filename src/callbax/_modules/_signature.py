"""How a module is called: several inputs, and how it asks whether it is being trained."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from callbax._core._types import PyTree
from callbax.layers import Layer

_TRAINING_ARGUMENTS: dict[str, Callable[[bool], bool]] = {
    "training": lambda training: training,
    "train": lambda training: training,
    "is_training": lambda training: training,
    "deterministic": lambda training: not training,
    "inference": lambda training: not training,
}
"""Arguments by which modules of other schools ask whether they are being trained."""


class Signature:
    """What a function, or a module's ``__call__``, takes.

    Args:
        called: The function or module.
        given: Arguments that are not inputs: keys, states, parameters.

    Attributes:
        names: All that it takes by name.
    """

    def __init__(self, called: object, given: Iterable[str] = ()) -> None:
        known = {*_TRAINING_ARGUMENTS, *given}
        parameters = list(_parameters(called))
        positional = [
            p
            for p in parameters
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in known
        ]
        self._required = sum(p.default is p.empty for p in positional)
        self.names = {p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY}

    def call(self, module: Callable[..., Any], x: PyTree, training: bool, **extra: Any) -> PyTree:
        """Calls it on a batch, several inputs as several arguments if it takes several.

        Args:
            module: The function or module.
            x: The inputs.
            training: Whether it is being trained.
            **extra: Arguments that are not inputs.
        """
        extra |= {
            name: meaning(training)
            for name, meaning in _TRAINING_ARGUMENTS.items()
            if name in self.names
        }
        if isinstance(module, Layer):
            return module(x, **extra)
        if isinstance(x, Mapping) and x and all(name in self.names for name in x):
            return module(**x, **extra)
        if isinstance(x, tuple | list) and self._required == len(x) > 1:
            return module(*x, **extra)
        return module(x, **extra)


def _parameters(called: object) -> Iterable[inspect.Parameter]:
    is_function = inspect.isroutine(called)
    call: Any = called if is_function else getattr(called, "__call__", None)  # noqa: B004
    try:
        return inspect.signature(call).parameters.values() if call else ()
    except (TypeError, ValueError):  # some callables tell nothing
        return ()
