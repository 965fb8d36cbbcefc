"""Compiled executions of a step: one at a time, or many in one dispatch."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from callbax._core._types import Array, PyTree
from callbax._data._select import Batches, select
from callbax._training._state import TrainState
from callbax._training._step import Step

CAPACITY = 256
"""Steps in one execution at most."""
ROW_BYTES = 64 * 2**20
"""Device memory that the rows of one execution may take."""


class Programs:
    """A step's compiled programs; this is the only place where steps meet ``jax.jit``.

    One program runs a *dynamic* number of steps and so serves full executions, remainders and
    replays without compiling again. A single step has a program of its own, as the loop costs
    more than it saves there. Both give the same bits: each step sits behind optimization barriers,
    so that XLA sees the same computation in either.

    Args:
        step: The pure step.
        donate: Whether a single step may overwrite the state it starts from.

    Attributes:
        traces: How often a program was traced; each trace is a compilation.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.traces = 0
        self._one = jax.jit(self._trace_one)
        self._one_donating = jax.jit(self._trace_one, donate_argnums=0)
        self._many = jax.jit(self._trace_many, static_argnames="capacity")

    def one(
        self, state: TrainState, batches: Batches, index: int, *, donate: bool = False
    ) -> tuple[TrainState, PyTree]:
        """Takes one step.

        Args:
            state: The state before it.
            batches: Batches on the device.
            index: Which of them.
            donate: Overwrite the moving part of ``state``, which is lost.

        Returns:
            The state after it, and its row.
        """
        run = self._one_donating if donate else self._one
        moved, row = run(*self._parted(state), batches, index)
        return state.replace(**moved), row

    def many(
        self, state: TrainState, batches: Batches, first: int, count: int, *, capacity: int
    ) -> tuple[TrainState, PyTree]:
        """Takes ``count`` steps in one dispatch.

        Args:
            state: The state before them; kept.
            batches: Batches on the device.
            first: The first batch.
            count: How many, at most ``capacity``.
            capacity: Room for rows.

        Returns:
            The state after them, and their rows: leaves of shape (capacity, ...).
        """
        moved, rows = self._many(*self._parted(state), batches, first, count, capacity=capacity)
        return state.replace(**moved), rows

    def capacity(self, state: TrainState, batches: Batches) -> int:
        """Returns how many steps one execution may have, for the memory that their rows take."""
        if self.step.keys is not None:
            return CAPACITY
        row = jax.eval_shape(self._row, *self._parted(state), batches, 0)
        row_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(row))
        return max(1, min(CAPACITY, ROW_BYTES // max(1, row_bytes)))

    def _parted(self, state: TrainState) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
        fields = vars(state)
        moving = {name: fields[name] for name in self.step.moves}
        return moving, {name: fields[name] for name in fields if name not in moving}

    def _trace_one(
        self, moving: dict[str, PyTree], rest: dict[str, PyTree], batches: Batches, index: Array
    ) -> tuple[dict[str, PyTree], PyTree]:
        self.traces += 1
        return self._step(moving, rest, batches, index)

    def _trace_many(
        self,
        moving: dict[str, PyTree],
        rest: dict[str, PyTree],
        batches: Batches,
        first: Array,
        count: Array,
        *,
        capacity: int,
    ) -> tuple[dict[str, PyTree], PyTree]:
        self.traces += 1

        def body(i: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            moving, rows = carry
            moving, row = self._step(moving, rest, batches, first + i)
            rows = jax.tree.map(
                lambda rows, row: lax.dynamic_update_index_in_dim(rows, row, i, 0), rows, row
            )
            return moving, rows

        row = jax.eval_shape(self._row, moving, rest, batches, first)
        rows = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), row)
        # Never unrolled: an unrolled loop is fused across steps and changes the bits.
        moved, rows = lax.fori_loop(0, count, body, (moving, rows))
        return moved, rows

    def _row(
        self, moving: dict[str, PyTree], rest: dict[str, PyTree], batches: Batches, index: Array
    ) -> PyTree:
        if self.step.keys is not None:
            return jnp.zeros((len(self.step.keys) + 1,), jnp.float32)
        return self._step(moving, rest, batches, index)[1]

    def _step(
        self, moving: dict[str, PyTree], rest: dict[str, PyTree], batches: Batches, index: Array
    ) -> tuple[dict[str, PyTree], PyTree]:
        moving, batch = lax.optimization_barrier((moving, select(batches, index)))
        moved, row = self.step.run(TrainState(**moving, **rest), batch)
        moved = jax.tree.map(
            lambda new, old: lax.convert_element_type(new, old.dtype), moved, moving
        )
        result: tuple[dict[str, PyTree], PyTree] = lax.optimization_barrier((moved, row))
        return result
