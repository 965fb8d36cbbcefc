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

    After it they hold arrays again, those of the state at the end.
    """
    shown = [(place, type(place.variable), vars(place.variable).get(_PLACE)) for place in places]
    for place, kind, around in shown:
        held = vars(place.variable)
        held[_PLACE] = place
        if around is None:
            any_kind: Any = kind
            place.variable.__class__ = _live_type(any_kind)
            del held[VALUE]
    try:
        yield
    finally:
        for place, kind, around in shown:
            held = vars(place.variable)
            if around is not None:  # within a run, which goes on
                held[_PLACE] = around
                continue
            # First the array: whoever reads from another thread must always find one.
            held[VALUE] = place.read()
            place.variable.__class__ = kind
            del held[_PLACE]


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
