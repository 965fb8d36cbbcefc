"""Compiled executions of a step: one at a time, or many in one dispatch."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import jaxprs_in_params

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

    One program runs a *dynamic* number of steps in a loop, and so serves full executions,
    remainders and replays without compiling again. Where executions of one step are the rule, a
    program of a single step saves what the loop costs. Both give the same bits: each step sits
    behind optimization barriers, so that XLA sees the same computation in either. Where XLA
    compiles a step worse inside a loop, and then with other bits, the single step is dispatched as
    often as asked for, and the loop is never used.

    Args:
        step: The pure step.
        looped: Whether XLA compiles it as well inside a loop.

    Attributes:
        traces: How often a program was traced; each trace is a compilation.
    """

    def __init__(self, step: Step, *, looped: bool = True) -> None:
        self.step, self.looped = step, looped
        self.traces = 0
        self._loop = jax.jit(self._trace_loop, static_argnames="capacity")
        self._single = jax.jit(self._trace_single)
        self._single_overwriting = jax.jit(self._trace_single, donate_argnums=0)

    def run(
        self,
        state: TrainState,
        batches: Batches,
        first: int,
        count: int,
        *,
        capacity: int,
        single: bool = False,
        overwrite: bool = False,
    ) -> tuple[TrainState, list[PyTree]]:
        """Takes steps, in one dispatch where that pays.

        Args:
            state: The state before them.
            batches: Batches on the device.
            first: The first batch.
            count: How many, at most ``capacity``.
            capacity: Room for rows.
            single: Whether executions of one step are the rule.
            overwrite: Whether a single step may overwrite the moving part of ``state``.

        Returns:
            The state after them, and their rows in blocks: leaves of shape (capacity, ...).
        """
        moving, rest = self._parted(state)
        if self.looped and not (single and count == 1):
            moving, rows = self._loop(
                moving, rest, batches, scalar(first), scalar(count), capacity=capacity
            )
            return state.replace(**moving), [rows]
        program = self._single_overwriting if overwrite else self._single
        blocks = []
        for index in range(first, first + count):
            moving, row = program(moving, rest, batches, scalar(index))
            blocks.append(row)
        return state.replace(**moving), blocks

    def capacity(self, state: TrainState, batches: Batches) -> int:
        """Returns how many steps one execution may have, for the memory that their rows take."""
        if self.step.keys is not None:
            return CAPACITY
        row = jax.eval_shape(self._row, *self._parted(state), batches, 0)
        row_bytes: int = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(row))
        return max(1, min(CAPACITY, ROW_BYTES // max(1, row_bytes)))

    def _parted(self, state: TrainState) -> tuple[dict[str, PyTree], dict[str, PyTree]]:
        fields = vars(state)
        moving = {name: fields[name] for name in self.step.moves}
        return moving, {name: fields[name] for name in self.step.reads}

    def _trace_loop(
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

    def _trace_single(
        self, moving: dict[str, PyTree], rest: dict[str, PyTree], batches: Batches, index: Array
    ) -> tuple[dict[str, PyTree], PyTree]:
        self.traces += 1
        moved, row = self._step(moving, rest, batches, index)
        return moved, jax.tree.map(lambda leaf: leaf[None], row)

    def _row(
        self, moving: dict[str, PyTree], rest: dict[str, PyTree], batches: Batches, index: Array
    ) -> PyTree:
        if self.step.keys is not None:
            return jnp.zeros((len(self.step.keys) + 1,), jnp.float32)
        return self._step(moving, rest, batches, index)[1]

    def _step(
        self, moving: dict[str, PyTree], rest: dict[str, PyTree], batches: Batches, index: Array
    ) -> tuple[dict[str, PyTree], PyTree]:
        # What does not move goes through the barrier too: XLA would compute what follows from it
        # alone, such as -learning_rate, once before the loop, and round differently for it.
        batch = select(batches, index)
        moving, rest, batch = lax.optimization_barrier((moving, rest, batch))
        moved, row = self.step.run(moving | rest, batch)
        moved = jax.tree.map(
            lambda new, old: lax.convert_element_type(new, old.dtype), moved, moving
        )
        result: tuple[dict[str, PyTree], PyTree] = lax.optimization_barrier((moved, row))
        return result


def loops_well(jaxpr: Any) -> bool:
    """Says whether XLA compiles a computation as well inside a loop as outside.

    On a CPU it brings convolutions into the form that its fast kernels take only where they stand
    outside of loops (35 against 11 ms for a step of a small network, measured).
    """
    return jax.default_backend() != "cpu" or not _convolves(jaxpr)


def _convolves(jaxpr: Any) -> bool:
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            return True
        if any(_convolves(inner) for inner in jaxprs_in_params(equation.params)):
            return True
    return False


@functools.lru_cache(maxsize=4096)
def scalar(value: int) -> Array:
    """Returns an int32 on the device; bringing one there anew costs as much as a small step."""
    return jnp.asarray(np.int32(value))
