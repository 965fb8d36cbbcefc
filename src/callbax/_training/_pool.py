"""Compiled programs that equal models share: a model made again compiles nothing."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import jax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from callbax._core._types import PyTree
from callbax._training._jaxpr_key import IncomparableError, key_of

CAPACITY = 32
"""Compiled computations that are kept, those used last."""
CONSTANT_BYTES = 2**20
"""Arrays inside a computation that may be kept alive together with it."""

_lock = threading.Lock()
_kept: OrderedDict[Hashable, Any] = OrderedDict()

Compiled = TypeVar("Compiled")


def pooled(
    purpose: str, closed: ClosedJaxpr, structure: Any, make: Callable[[], Compiled]
) -> Compiled:
    """Returns what was compiled of a computation, that of an equal one if there is any.

    Invariant: what is kept was made of a jaxpr alone. It holds no model, and whatever else a
    function may read, such as attributes of its module, was read when its own model traced it.

    Args:
        purpose: What it is compiled for.
        closed: The computation.
        structure: How its outputs make up what the function returns.
        make: Compiles it, or prepares to.
    """
    try:
        key = purpose, structure, key_of(closed, CONSTANT_BYTES)
        hash(key)
    except (IncomparableError, TypeError):  # TypeError: a parameter that cannot be hashed
        return make()
    with _lock:
        made: Compiled = _kept[key] if key in _kept else make()
        _kept[key] = made
        _kept.move_to_end(key)
        if len(_kept) > CAPACITY:
            _kept.popitem(last=False)
        return made


def computed(function: Callable[..., PyTree], *args: PyTree) -> PyTree:
    """Calls a function in one compiled program, that of an equal function if there was one."""
    closed, form = jax.make_jaxpr(function, return_shape=True)(*args)
    structure = jax.tree.structure(form)
    run = pooled("call", closed, structure, lambda: jax.jit(jaxpr_as_fun(closed)))
    return jax.tree.unflatten(structure, run(*jax.tree.leaves(args)))


def forget_programs() -> None:
    """Lets no model made from now on share programs with one made before."""
    with _lock:
        _kept.clear()
