"""Runs of which nothing remains."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax
import jax.numpy as jnp

from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._generators import read_generators, write_generators


@contextmanager
def undone(engine: Engine, averages: Averages) -> Iterator[Callable[[], None]]:
    """Puts everything back as it was, bit for bit, however the runs within it end.

    That is the state, what losses and metrics hold from outside, and Python's and NumPy's
    generators. The module must be built.

    Args:
        engine: What runs the model; no run is under way.
        averages: Whether weights and averages have changed places.

    Yields:
        What takes the state as it is when called, to be called before the first step: some that
        train themselves make variables as a run begins, which are put back as they are then.
    """
    # Copies, as the steps overwrite the arrays of a large state.
    state = jax.tree.map(jnp.copy, engine.read())
    bound = engine.recipe.report is not None

    def take() -> None:
        nonlocal state
        if not bound:
            state = jax.tree.map(jnp.copy, engine.read())

    captured, swapped = engine.recipe.captured.read(), averages.swapped
    generators = read_generators()
    try:
        yield take
    finally:
        engine.recipe.captured.write(captured)
        engine.write(state)
        averages.swapped = swapped
        write_generators(generators)
