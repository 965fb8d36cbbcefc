"""What was drawn ahead from an iterator and not used: the next reader gets it first."""

import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any

from callbax._core._errors import describe
from callbax._core._warnings import warn
from callbax._data._select import HostBatch

_LEFT: weakref.WeakKeyDictionary[Any, deque[HostBatch]] = weakref.WeakKeyDictionary()
"""Beside the iterator itself, which takes no attributes, as whichever model may read it next."""


def take_back(source: Any) -> deque[HostBatch]:
    """Returns the batches that a reader of an iterator before has handed back."""
    try:
        return _LEFT.pop(source, deque())
    except TypeError:  # an iterator that takes no weak references never hands anything back
        return deque()


def hand_back(source: Any, batches: Sequence[HostBatch]) -> None:
    """Keeps batches for whoever reads the iterator next; warns if that cannot be."""
    if not batches:
        return
    try:
        _LEFT[source] = deque(batches)
    except TypeError:
        warn(
            f"{len(batches)} batches were drawn ahead from {describe(source)} and not used; as it "
            "takes no weak references they are lost. Give its class a `__weakref__` slot, or pass "
            "`steps_per_epoch`."
        )
