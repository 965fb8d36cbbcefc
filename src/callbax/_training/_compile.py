"""Compiled executions of a step: one at a time, or many in one dispatch."""

import functools
import threading
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import jaxprs_in_params

from callbax._core._types import Array, PyTree
from callbax._data._placement import Placement
from callbax._data._select import Batches, select
from callbax._modules._captured import Captured
from callbax._training._pace import StepTime
from callbax._training._state import Packed, TrainState
from callbax._training._step import Step

CAPACITY = 256
"""Steps in one execution at most."""
ROW_BYTES = 64 * 2**20
"""Device memory that the rows of one execution may take."""


class Programs:
    """A step's compiled programs; this is the only place where steps meet ``jax.jit``.

    One program runs a *dynamic* number of steps in a loop, and so serves full executions,
    remainders and replays without compiling again. If executions of one step are the rule, a
    program of a single step saves what the loop costs. Both give the same bits: each step sits
    behind optimization barriers, so that XLA sees the same computation in either. Where XLA
    compiles a step worse inside a loop, and then with other bits, the single step is dispatched as
    often as asked for, and the loop is never used.

    Args:
        step: The pure step.
        placement: Where arrays live.
        looped: Whether XLA compiles it as well inside a loop.

    Attributes:
        constants: Numbers of Python that the step reads; for others it is compiled again.
        traces: How often a program was traced; each trace is a compilation.
    """

    def __init__(self, step: Step, placement: Placement, *, looped: bool = True) -> None:
        self.step, self.looped = step, looped
        self._placement = placement
        # Where the leaves of states are, by the states' structure.
        self._places: dict[Any, list[Any]] = {}
        self.traces = 0
        self.constants: tuple[Any, ...] = ()
        self._prepared: dict[Any, threading.Thread] = {}
        self._step_times: dict[Any, StepTime] = {}
        self._loop = jax.jit(
            self._trace_loop, static_argnames=("structure", "capacity", "constants")
        )
        self._single = jax.jit(self._trace_single, static_argnames=("structure", "constants"))
        self._single_overwriting = jax.jit(
            self._trace_single,
            static_argnames=("structure", "constants"),
            donate_argnames="moving",
        )

    def pack(self, state: TrainState) -> Packed:
        """Returns a state in the form that `run` takes."""
        packed = Packed.of(state, self.step.moves, self.step.reads)
        if packed.structure not in self._places:
            leaves = packed.moving + packed.rest
            self._places[packed.structure] = [leaf.sharding for leaf in leaves]
        return packed

    def renew(self, captured: Captured) -> bool:
        """Takes the numbers of Python that the step reads; returns whether they have changed."""
        before, self.constants = self.constants, captured.note()
        return self.constants != before

    def place(self, state: TrainState, like: TrainState) -> TrainState:
        """Returns a state whose arrays are where those of another one are."""
        same = state.replace(hyperparameters={}), like.replace(hyperparameters={})
        placed: TrainState = self._placement.place_like(*same)
        return placed.replace(hyperparameters=self._placement.place_state(state.hyperparameters))

    def run(
        self,
        start: Packed,
        batches: Batches,
        first: int,
        count: int,
        *,
        capacity: int,
        single: bool = False,
        overwrite: bool = False,
    ) -> tuple[Packed, list[PyTree]]:
        """Takes steps, in one dispatch if that pays.

        Args:
            start: The state before them.
            batches: Batches on the device.
            first: The first batch.
            count: How many, at most ``capacity``.
            capacity: Room for rows.
            single: Whether executions of one step are the rule.
            overwrite: Whether a single step may overwrite the moving part of ``start``.

        Returns:
            The state after them, and their rows in blocks: leaves of shape (capacity, ...).
        """
        with self._placement.tracing():
            moving, rest, structure = start.moving, start.rest, start.structure
            scalar = self._placement.scalar
            if self.looped and not (single and count == 1):
                moving, rows = self._loop(
                    moving,
                    rest,
                    batches,
                    scalar(first),
                    scalar(count),
                    structure=structure,
                    capacity=capacity,
                    constants=self.constants,
                )
                return start.moved(moving), [rows]
            program = self._single_overwriting if overwrite else self._single
            blocks = []
            for index in range(first, first + count):
                moving, row = program(
                    moving,
                    rest,
                    batches,
                    scalar(index),
                    structure=structure,
                    constants=self.constants,
                )
                blocks.append(row)
            return start.moved(moving), blocks

    def prepare(self, start: Packed, batches: Batches, *, overwrite: bool = False) -> None:
        """Compiles the single step for batches of a size that is yet to come, in the background.

        XLA compiles a small program on one core, so that the last, smaller batch of a pass costs
        no time of its own if there is another core.

        Args:
            start: A state.
            batches: Batches of that size.
            overwrite: As for `run`.
        """
        key = batches.size, batches.shares, self.constants
        if key not in self._prepared:
            program = self._single_overwriting if overwrite else self._single
            with self._placement.tracing():
                lowered = program.lower(
                    start.moving,
                    start.rest,
                    batches,
                    self._placement.scalar(0),
                    structure=start.structure,
                    constants=self.constants,
                )
            self._prepared[key] = threading.Thread(target=lowered.compile)
            self._prepared[key].start()

    def await_prepared(self, batches: Batches) -> None:
        """Waits until what `prepare` began for batches of this size is done."""
        if (
            thread := self._prepared.get((batches.size, batches.shares, self.constants))
        ) is not None:
            thread.join()

    def step_time(self, spec: PyTree) -> StepTime:
        """Returns what was seen of the step on batches of these shapes and dtypes."""
        leaves, structure = jax.tree.flatten(spec)
        return self._step_times.setdefault((structure, *leaves), StepTime())

    def capacity(self, start: Packed, batches: Batches) -> int:
        """Returns how many steps one execution may have, for the memory that their rows take."""
        if self.step.keys is not None:
            return CAPACITY
        with self._placement.tracing():
            row = self._row(start.moving, start.rest, batches, 0, structure=start.structure)
        row_bytes: int = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(row))
        return max(1, min(CAPACITY, ROW_BYTES // max(1, row_bytes)))

    def _trace_loop(
        self,
        moving: list[Array],
        rest: list[Array],
        batches: Batches,
        first: Array,
        count: Array,
        *,
        structure: Any,
        capacity: int,
        constants: tuple[Any, ...],
    ) -> tuple[list[Array], PyTree]:
        self.traces += 1

        def body(i: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
            moving, rows = carry
            moving, row = self._step(moving, rest, batches, first + i, structure=structure)
            rows = jax.tree.map(
                lambda rows, row: lax.dynamic_update_index_in_dim(rows, row, i, 0), rows, row
            )
            return moving, rows

        row = self._row(moving, rest, batches, first, structure=structure)
        rows = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), row)
        rows = self._placement.gather(rows)
        # Never unrolled: an unrolled loop is fused across steps and changes the bits.
        moved, rows = lax.fori_loop(0, count, body, (moving, rows))
        return moved, rows

    def _trace_single(
        self,
        moving: list[Array],
        rest: list[Array],
        batches: Batches,
        index: Array,
        *,
        structure: Any,
        constants: tuple[Any, ...],
    ) -> tuple[list[Array], PyTree]:
        self.traces += 1
        moved, row = self._step(moving, rest, batches, index, structure=structure)
        return moved, jax.tree.map(lambda leaf: leaf[None], row)

    def _row(self, *args: Any, structure: Any) -> PyTree:
        """Returns the shapes and dtypes of a step's row."""
        if self.step.keys is not None:
            return jax.ShapeDtypeStruct((len(self.step.keys) + 1,), jnp.float32)
        return jax.eval_shape(functools.partial(self._step, structure=structure), *args)[1]

    def _step(
        self,
        moving: list[Array],
        rest: list[Array],
        batches: Batches,
        index: Array,
        *,
        structure: Any,
    ) -> tuple[list[Array], PyTree]:
        # What does not move goes through the barrier too: XLA would compute what follows from it
        # alone, such as -learning_rate, once before the loop, and round differently for it.
        places, count = self._places[structure], len(moving)
        batch = self._placement.divide(select(batches, index))
        moving, rest, batch = lax.optimization_barrier((moving, rest, batch))
        # Said again behind the barrier: in a loop XLA would divide the same step in another way.
        moving = self._placement.pin(moving, places[:count])
        rest, batch = self._placement.pin(rest, places[count:]), self._placement.divide(batch)
        before, read = jax.tree.unflatten(structure, moving + rest)
        after, row = self.step.run(before | read, batch)
        moved = jax.tree.map(
            lambda new, old: lax.convert_element_type(new, old.dtype), after, before
        )
        leaves = self._placement.pin(jax.tree.leaves(moved), places[:count])
        row = self._placement.gather(row)
        result: tuple[list[Array], PyTree] = lax.optimization_barrier((leaves, row))
        return result


def loops_well(jaxpr: Any, platform: str) -> bool:
    """Returns whether XLA compiles a computation as well inside a loop as outside.

    On a CPU it brings convolutions into the form that its fast kernels take only if they stand
    outside of loops (35 against 11 ms for a step of a small network, measured).
    """
    return platform != "cpu" or not _convolves(jaxpr)


def _convolves(jaxpr: Any) -> bool:
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            return True
        if any(_convolves(inner) for inner in jaxprs_in_params(equation.params)):
            return True
    return False
