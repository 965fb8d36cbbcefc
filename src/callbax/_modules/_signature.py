"""How a module is called: one input or several, and whether it asks if it is being trained."""

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax

from callbax._core._calls import UNTRACEABLE, has_beats
from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax.layers import Layer

TRAINING_ARGUMENTS: dict[str, Callable[[bool], bool]] = {
    "training": lambda training: training,
    "train": lambda training: training,
    "is_training": lambda training: training,
    "deterministic": lambda training: not training,
    "inference": lambda training: not training,
}
"""Arguments by which modules of other schools ask whether they are being trained."""


class Signature:
    """What a module's ``__call__``, or a function, takes.

    Args:
        function: The module or function.
        given: Names of parameters that are not inputs, as whoever calls it fills them in.
        filled: How many of the first parameters are not inputs either.

    Attributes:
        names: Names of its parameters, without those that are filled.
    """

    def __init__(self, function: Any, given: Collection[str] = (), *, filled: int = 0) -> None:
        parameters = list(_parameters(function))[filled:]
        apart = {*TRAINING_ARGUMENTS, *given}
        positional = [
            p
            for p in parameters
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in apart
        ]
        self.names = [p.name for p in parameters]
        self._required = sum(p.default is p.empty for p in positional)
        self._keywords = {p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY}
        self._whole = isinstance(function, Layer)

    def call(
        self, function: Callable[..., Any], x: PyTree, training: bool, **arguments: Any
    ) -> Any:
        """Calls a function on a batch, several inputs as several arguments if it takes several.

        Args:
            function: What has this signature.
            x: The batch.
            training: Passed on if it asks for it.
            **arguments: Passed on as they are.
        """
        asked = {
            name: TRAINING_ARGUMENTS[name](training)
            for name in self._keywords
            if name in TRAINING_ARGUMENTS
        }
        extra = asked | arguments
        with telling(function, x):
            if self._whole:
                output = function(x, **extra)
            elif isinstance(x, Mapping) and x and all(name in self._keywords for name in x):
                output = function(**x, **extra)
            elif isinstance(x, tuple | list) and self._required == len(x) > 1:
                output = function(*x, **extra)
            else:
                output = function(x, **extra)
        return output


@contextmanager
def telling(function: Any, x: PyTree) -> Iterator[None]:
    """Notes on an exception from the code of a module what the module was given.

    Args:
        function: The module, or the function that it is.
        x: The batch.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        # Not by where it comes from: Keras leaves its own frames out of tracebacks.
        if not has_beats(error) and not isinstance(error, UNTRACEABLE):
            parts = jax.tree.leaves(x)
            error.add_note(
                explain(
                    f"{_name(function)}(inputs)",
                    expected="inputs that the code of the module can take",
                    received=" and ".join(describe(part) for part in parts),
                    action="Reshape the data to what the first layer was made for, or make the "
                    "module for these. The first dimension is that of the samples.",
                )
            )
        raise


def _name(function: Any) -> str:
    """Returns the name of a module's class, of a method's, or of a function."""
    function = function.func if isinstance(function, functools.partial) else function
    module = getattr(function, "__self__", None)
    return (
        type(module).__name__
        if module is not None
        else str(getattr(function, "__name__", type(function).__name__))
    )


def _parameters(function: Any) -> Iterable[inspect.Parameter]:
    try:
        return inspect.signature(function).parameters.values() if callable(function) else ()
    except (TypeError, ValueError):  # some callables tell nothing
        return ()
