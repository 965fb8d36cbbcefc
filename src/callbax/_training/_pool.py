"""Compiled programs that equal models share: a model made again compiles nothing."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from jax.extend.core import ClosedJaxpr

from callbax._training._computation import Computation
from callbax._training._jaxpr_key import IncomparableError, key_of

CAPACITY = 32
"""Computations that are kept, those used last."""
CONSTANT_BYTES = 2**20
"""Arrays inside a computation that may be kept alive together with it."""

_lock = threading.Lock()
_kept: OrderedDict[Hashable, Computation] = OrderedDict()


def pooled(closed: ClosedJaxpr, structure: Any, make: Callable[[], Computation]) -> Computation:
    """Returns the compiled programs of a computation, those of an equal one if there are any.

    Invariant: what is kept was made of a jaxpr alone. It holds no model, and whatever else a step
    may read, such as attributes of its module, was read when its own model traced it.

    Args:
        closed: The computation.
        structure: How its outputs make up what a step returns.
        make: Makes the programs.
    """
    try:
        key = structure, key_of(closed, CONSTANT_BYTES)
        hash(key)
    except (IncomparableError, TypeError):  # TypeError: a parameter that cannot be hashed
        return make()
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
        made = _kept[key] = make()
        if len(_kept) > CAPACITY:
            _kept.popitem(last=False)
        return made


def forget_programs() -> None:
    """Lets no model made from now on share programs with one made before."""
    with _lock:
        _kept.clear()
