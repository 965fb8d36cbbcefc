"""NNX variables that show the state of a run instead of arrays of their own.

While a module is being trained its arrays are elsewhere: in the timeline's state, of which there
is one for every batch. A variable of the user's own module then holds a `_Place` in the slot of
its array. Reading the slot, by whatever way NNX offers, reads the state at the current batch;
writing it writes that state. Nobody who does not ask pays anything for it.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import nnx

from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax._modules._protocol import StateAccess

# The one private name of flax that callbax uses: the slot in which a variable keeps its array.
_SLOT: Any = nnx.Variable.__dict__["_raw_value"]


class _Place(NamedTuple):
    """Where the value of a live variable is: its field and path in the variables of a run."""

    state: StateAccess
    field: str
    path: str
    typed: Callable[[str, Array], Array]

    def read(self) -> Array:
        value = getattr(self.state.read_variables(), self.field)[self.path]
        return self.typed(self.path, value) if self.field == "random" else value

    def write(self, value: Any) -> None:
        variables = self.state.read_variables()
        arrays = getattr(variables, self.field)
        if self.field != "random":  # a key has no data that a user could mean to set
            arrays = arrays | {self.path: _checked(self.path, value, arrays[self.path])}
            self.state.write_variables(variables._replace(**{self.field: arrays}))


@contextmanager
def live_variables(
    variables: Mapping[str, Mapping[str, Any]],
    state: StateAccess,
    typed: Callable[[str, Array], Array],
) -> Iterator[None]:
    """Lets variables show, and take, the state of a run for as long as it lasts.

    Args:
        variables: Field of `Variables` -> path -> variable. After it they hold arrays again, those
            of the state at the end.
        state: Where the state is.
        typed: Path and data of a random key -> the key.
    """
    shown = [
        (variable, _Place(state, field, path, typed))
        for field, found in variables.items()
        for path, variable in found.items()
    ]
    for variable, place in shown:
        _SLOT.__set__(variable, place)
        object.__setattr__(variable, "__class__", _live_type(variable.__class__))
    try:
        yield
    finally:
        for variable, place in shown:
            # First the array: whoever reads from another thread must never see the place.
            _SLOT.__set__(variable, place.read())
            object.__setattr__(variable, "__class__", type(variable).__base__)


@functools.cache
def _live_type(plain: Any) -> type:
    """Returns a kind of variable whose slot may hold a place; else it is as the plain plain."""

    def read(self: Any) -> Any:
        held = _SLOT.__get__(self)
        return held.read() if type(held) is _Place else held

    def write(self: Any, value: Any) -> None:
        try:
            held = _SLOT.__get__(self)
        except AttributeError:  # a variable that is just being made
            held = None
        if type(held) is _Place:
            held.write(value)
        else:
            _SLOT.__set__(self, value)

    def reduce(self: Any, protocol: Any) -> Any:
        return _plain_variable, (plain, self.__getstate__())

    members = {
        "__slots__": (),
        "__module__": plain.__module__,
        "__qualname__": plain.__qualname__,
        "__reduce_ex__": reduce,
        "_raw_value": property(read, write),
    }
    live: type = type(plain)(plain.__name__, (plain,), members)
    return live


def _plain_variable(plain: Any, state: Any) -> Any:
    """Returns a variable of its own: what a copy or a pickle of a live one is."""
    variable = object.__new__(plain)
    variable.__setstate__(state)
    return variable


def _checked(path: str, value: Any, old: Array) -> Array:
    """Returns an array that may take the place of another one in a run.

    Raises:
        ValueError: Its shape or dtype differ.
    """
    array = value if hasattr(value, "dtype") else jnp.asarray(value, old.dtype)
    if array.shape != old.shape or array.dtype != old.dtype:
        raise ValueError(
            explain(
                f"model.module, {path}",
                expected=f"an array of shape {old.shape} and dtype {old.dtype}",
                received=describe(value),
                action="Keep the shapes and dtypes of the compiled model during a run.",
            )
        )
    return jnp.asarray(array)


def take(variable: Any) -> Any:
    """Returns the array that a variable holds."""
    return variable.get_raw_value()


def put(variable: Any, value: Any) -> None:
    """Gives a variable an array, in a trace too, where NNX would refuse."""
    _SLOT.__set__(variable, value)
