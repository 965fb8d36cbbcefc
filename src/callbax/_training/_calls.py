"""Calls of a model by the user, outside of its steps."""

from typing import Protocol

import jax
import jax.numpy as jnp

from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Functional, StateAccess

_CALLS = 2**16
"""Calls at one step before the numbers from which they draw run into those of the next."""


class Running(StateAccess, Protocol):
    """What runs the module."""

    @property
    def step(self) -> int:
        """Training steps taken."""


class Draws:
    """Numbers from which calls in training mode draw: by the step, another one at every call.

    Every run has its own, so that one that was resumed draws what the uninterrupted one does.
    """

    def __init__(self) -> None:
        self._step, self._count = -1, 0

    def next(self, step: int) -> Array:
        """Returns a number that no step draws from: it is negative."""
        self._count = self._count + 1 if step == self._step else 0
        self._step = step
        return jnp.asarray(-1 - (step * _CALLS + self._count) % 2**31, jnp.int32)


def call(
    functional: Functional, running: Running, draws: Draws, x: PyTree, *, training: bool
) -> PyTree:
    """Calls a module as of the current batch, and updates its statistics in training.

    Args:
        functional: The module.
        running: Where its state is.
        draws: What calls in training mode draw from.
        x: A batch of inputs.
        training: Whether it is a call in training mode.

    Returns:
        The output.
    """
    variables = running.read_variables()
    step = draws.next(running.step) if training else jnp.asarray(running.step, jnp.int32)
    applied = functional.apply(variables, x, training=training, step=step)
    old = variables.stats
    changed = {
        path: new.astype(old[path].dtype)
        for path, new in applied.stats.items()
        if new is not old[path]
    }
    # In a trace of the user's own there is no state to change.
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(applied.output))
    if training and changed and not traced:
        running.write_variables(variables._replace(stats=old | changed))
    return applied.output
