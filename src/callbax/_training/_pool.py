"""Compiled programs for models of one computation, made once for all of them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np

from callbax._core._types import PyTree
from callbax._training._compile import Programs
from callbax._training._state import TrainState
from callbax._training._step import Step

_POOL: ContextVar[dict[Any, Programs] | None] = ContextVar("pool", default=None)
_ADDRESS = re.compile(r"0x[0-9a-f]+|\bid=\d+")
"""What differs in the text of a program from object to object."""


@contextmanager
def sharing_programs() -> Iterator[None]:
    """Lets models share programs, while a block lasts, if their steps are the same computation.

    Use it where many equal models are made, one after the other.
    """
    token = _POOL.set({})
    try:
        yield
    finally:
        _POOL.reset(token)


def pooled(step: Step, state: TrainState, batch: PyTree, make: Callable[[], Programs]) -> Programs:
    """Returns the programs of a step: those of a model before, if they are shared.

    Args:
        step: The step. It must read nothing from outside that is not in the state: another model's
            may be traced in its place.
        state: A state that it takes.
        batch: Shapes and dtypes of a batch.
        make: Makes the programs.
    """
    pool = _POOL.get()
    if pool is None:
        return make()
    key = signature(step, state, batch)
    if key not in pool:
        pool[key] = make()
    return pool[key]


def signature(step: Step, state: TrainState, batch: PyTree) -> tuple[Any, ...]:
    """Returns what two steps have in common if they are the same computation."""
    fields = {name: getattr(state, name) for name in (*step.moves, *step.reads)}
    closed = jax.make_jaxpr(step.run)(fields, batch)
    held = tuple((np.shape(value), np.asarray(value).tobytes()) for value in closed.consts)
    form = jax.tree.structure((fields, batch))
    return step.moves, step.reads, step.keys, form, _ADDRESS.sub("", str(closed)), held
