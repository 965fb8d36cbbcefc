"""Keras variables that show the state of a run instead of arrays of their own.

As with NNX modules, the arrays of a model that is being trained are in the timeline's state. A
variable of the user's own model is then of a kind that reads and writes that state.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from callbax._core._types import Array
from callbax._modules._keras_inside import VALUE

_PLACE = "_callbax_place"


class Place(NamedTuple):
    """A variable, and how its array is read and replaced at the current batch."""

    variable: Any
    read: Callable[[], Array]
    write: Callable[[Array], None]


@contextmanager
def live_variables(places: Sequence[Place]) -> Iterator[None]:
    """Lets variables show, and take, the state of a run for as long as it lasts.

    After it they hold arrays again, those of the state at the end. In a hook of a run, another
    model that shares some of them may be run: then they show its state until that has ended, and
    the run around it takes over what has changed.
    """
    around = [_enter(place) for place in places]
    try:
        yield
    finally:
        for place, outer in zip(places, around, strict=True):
            _leave(place, outer)


def _enter(place: Place) -> Place | None:
    """Lets a variable show a state; returns what it showed before, None if it held an array."""
    held = vars(place.variable)
    outer: Place | None = held.get(_PLACE)
    held[_PLACE] = place
    if outer is None:
        kind: Any = type(place.variable)
        place.variable.__class__ = _live_type(kind)
        del held[VALUE]
    return outer


def _leave(place: Place, outer: Place | None) -> None:
    held, value = vars(place.variable), place.read()
    if outer is None:
        # First the array: whoever reads from another thread must always find one.
        held[VALUE] = value
        place.variable.__class__ = type(place.variable).__base__
        del held[_PLACE]
        return
    held[_PLACE] = outer
    if value is not outer.read():
        outer.write(value)


@functools.cache
def _live_type(plain: Any) -> type:
    def read(self: Any) -> Array:
        place: Place = vars(self)[_PLACE]
        return place.read()

    def write(self: Any, value: Array) -> None:
        place: Place = vars(self)[_PLACE]
        place.write(value)

    members = {
        "__module__": plain.__module__,
        "__qualname__": plain.__qualname__,
        VALUE: property(read, write),
    }
    return type(plain.__name__, (plain,), members)
