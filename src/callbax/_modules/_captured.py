"""What losses and metrics hold from outside: variables, and numbers of Python.

A compiled step knows of both only what it was traced with. A variable is therefore made an input
of the step, so that a new value counts without compiling again. A number of Python is a constant of
the program: a new value needs a new program, and so it has to be seen that it is new.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from operator import getitem
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from callbax._core._types import Array
from callbax._modules._nnx_live import put, take

_DEPTH = 6
"""How many steps from a function a number may be: function, object, dict, list..."""
_ITEMS = 256
"""Larger containers are data, and nobody anneals them."""
_SMALL = 4096
"""Arrays of NumPy up to this many bytes are compared by value: they can be changed in place."""
_LIBRARIES = {"jax", "jaxlib", "numpy", "flax", "optax", "callbax", "keras", "scipy", "torch"}
"""Packages whose functions hold nothing that a user's script would change."""

Place = Callable[[], Any]
"""Returns what is there now."""


class Captured:
    """The variables and numbers that functions reach: by closures, globals, arguments, attributes.

    Args:
        functions: Losses and metrics, functions or objects.
        module: The model's module, whose own variables are part of the state in any case.

    Attributes:
        variables: The variables, in the order in which they were found.
    """

    def __init__(self, functions: Iterable[Any], module: Any) -> None:
        self.variables: list[Any] = []
        self._places: list[Place] = []
        self._seen: dict[int, Any] = {}  # holds what it saw, so that no id comes twice
        if isinstance(module, nnx.Pytree):
            self._seen.update((id(variable), variable) for variable in _variables_of(module))
        for function in functions:
            self._visit(partial(_given, function), (), 0)
        self._known = self.constants()

    def __bool__(self) -> bool:
        return bool(self.variables or self._places)

    def read(self) -> dict[str, Array]:
        """Returns the arrays of the variables, numbered."""
        return {str(i): jnp.asarray(take(v)) for i, v in enumerate(self.variables)}

    def write(self, arrays: Mapping[str, Any]) -> None:
        """Gives the variables recorded arrays."""
        for number, variable in enumerate(self.variables):
            if str(number) in arrays:
                put(variable, jnp.asarray(arrays[str(number)]))

    @contextmanager
    def shown(self, arrays: Mapping[str, Array]) -> Iterator[None]:
        """Lets the variables hold the arrays of the step that is being traced."""
        held = [take(variable) for variable in self.variables]
        try:
            for number, variable in enumerate(self.variables):
                put(variable, arrays[str(number)])
            yield
        finally:
            for variable, value in zip(self.variables, held, strict=True):
                put(variable, value)

    def constants(self) -> tuple[Any, ...]:
        """Returns the numbers of Python as they are now, in a form that can be compared."""
        return tuple(_comparable(place()) for place in self._places)

    def changed(self, arrays: Mapping[str, Array]) -> bool:
        """Returns whether a variable holds another array than these, or a number is another."""
        for number, variable in enumerate(self.variables):
            if take(variable) is not arrays[str(number)]:
                return True
        return bool(self._places) and self.constants() != self._known

    def note(self) -> tuple[Any, ...]:
        """Returns the numbers as they are now, and takes them for known."""
        self._known = self.constants()
        return self._known

    def _visit(self, place: Place, names: tuple[str, ...], depth: int) -> None:
        """Looks at what is in a place, for code that uses certain names of attributes."""
        try:
            value = place()
        except (AttributeError, KeyError, IndexError, ValueError):  # not there (yet)
            return
        if isinstance(value, bool | int | float | complex | np.generic | jax.Array):
            self._places.append(place)
            return
        if isinstance(value, np.ndarray):
            if value.nbytes <= _SMALL:
                self._places.append(place)
            return
        if id(value) in self._seen or depth > _DEPTH:
            return
        self._seen[id(value)] = value
        if isinstance(value, nnx.Variable):
            self.variables.append(value)
        elif isinstance(value, FunctionType):
            self._visit_function(value, depth)
        elif isinstance(value, MethodType):
            self._visit(partial(_given, value.__func__), names, depth + 1)
            self._visit_owner(value, depth + 1)
        elif isinstance(value, list | tuple | dict):
            self._visit_items(value, names, depth)
        elif not isinstance(value, type):
            self._visit_object(value, names, depth)

    def _visit_function(self, function: Any, depth: int) -> None:
        if _of_library(function):
            return
        names = _names_in(function)
        for cell in function.__closure__ or ():
            self._visit(partial(getattr, cell, "cell_contents"), names, depth + 1)
        for name in names:
            if name in function.__globals__:
                namespace = function.__globals__
                self._visit(partial(getitem, namespace, name), names, depth + 1)
        self._visit(partial(getattr, function, "__defaults__"), names, depth + 1)
        self._visit(partial(getattr, function, "__kwdefaults__"), names, depth + 1)

    def _visit_owner(self, method: MethodType, depth: int) -> None:
        """Looks at the attributes that a method reads of its object, by other methods of it too."""
        owner, functions, names = method.__self__, [method.__func__], dict[str, None]()
        for function in functions:
            names |= dict.fromkeys(_names_in(function))
            found = (getattr(type(owner), name, None) for name in _names_in(function))
            functions += [
                f
                for f in found
                if isinstance(f, FunctionType) and f not in functions and not _of_library(f)
            ]
        for function in functions[1:]:
            self._visit(partial(_given, function), (), depth)
        if isinstance(owner, nnx.Pytree) or not hasattr(owner, "__dict__"):
            self._visit(partial(_given, owner), tuple(names), depth)
            return
        for name in filter(partial(_is_data, owner), names):
            self._visit(partial(getattr, owner, name), tuple(names), depth)

    def _visit_items(self, container: Any, names: tuple[str, ...], depth: int) -> None:
        if len(container) > _ITEMS:
            return
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            self._visit(partial(getitem, container, key), names, depth + 1)

    def _visit_object(self, thing: Any, names: tuple[str, ...], depth: int) -> None:
        """Looks at the attributes that code uses; at all of what was given to ``compile``."""
        if isinstance(thing, ModuleType) and _root(thing.__name__) in _NOT_THE_USERS:
            return
        if isinstance(thing, nnx.Pytree):
            self._visit(partial(_given, _variables_of(thing)), (), depth)
        own = vars(thing) if hasattr(thing, "__dict__") else {}
        for method in _METHODS:
            function = getattr(getattr(thing, method, None), "__func__", None)
            if function is not None:
                names += _names_in(function)
                self._visit(partial(_given, function), (), depth)
        for name in dict.fromkeys((*own, *names) if depth == 0 else names):
            if _is_data(thing, name):
                self._visit(partial(getattr, thing, name), names, depth + 1)


_METHODS = ("__call__", "call", "values", "update", "compute")
"""Methods by which losses, metrics and callable objects compute."""
_NOT_THE_USERS = _LIBRARIES | sys.stdlib_module_names


def _given(value: Any) -> Any:
    return value


def _is_data(thing: Any, name: str) -> bool:
    """Returns whether an object has an attribute, or its class one that is not computed."""
    if name in getattr(thing, "__dict__", ()):
        return True
    found = inspect.getattr_static(type(thing), name, None)
    return found is not None and not hasattr(type(found), "__get__")


def _root(name: str | None) -> str:
    return (name or "").partition(".")[0]


def _of_library(function: Any) -> bool:
    return _root(getattr(function, "__module__", None)) in _NOT_THE_USERS - {"__main__"}


def _names_in(function: Any) -> tuple[str, ...]:
    """Returns the names of globals and attributes that a function's code uses, inner ones too."""

    def names(code: CodeType) -> Iterator[str]:
        yield from code.co_names
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from names(constant)

    return tuple(dict.fromkeys(names(function.__code__)))


def _comparable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    return _Same(value) if isinstance(value, jax.Array) else (type(value), value)


def _variables_of(thing: Any) -> list[Any]:
    return [part for _, part in nnx.iter_graph(thing) if isinstance(part, nnx.Variable)]


class _Same:
    """An array that equals itself alone: JAX's cannot be changed, only exchanged."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._array is self._array

    def __hash__(self) -> int:
        return id(self._array)
