"""A step's programs, made for arrays of every form that it is taken with."""

import threading
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr

from callbax._core._types import Array, PyTree
from callbax._data._placement import OneDevice, Placement
from callbax._data._select import Batches, select
from callbax._modules._captured import Captured
from callbax._training._computation import Computation, Taken, replayed, traced
from callbax._training._pace import StepTime
from callbax._training._pool import pooled
from callbax._training._state import Form, Packed, Packing, TrainState
from callbax._training._step import Step

CAPACITY = 256
"""Steps in one execution at most."""
ROW_BYTES = 64 * 2**20
"""Device memory that the rows of one execution may take."""
KEPT = 32
"""How many computations are kept, the last made: hooks may try one number after the other."""


class Programs:
    """A step's compiled programs.

    The step is traced once for arrays of a form, whatever is then compiled of it: see
    `Computation`. On one device, equal models share what was compiled. If XLA compiles a step worse
    inside a loop, and then with other bits, the single step is dispatched as often as asked for,
    and the loop is never used.

    Args:
        step: The pure step.
        placement: Where arrays live.
        looped: Whether XLA compiles it as well inside a loop.
        gathers: Whether weights that are divided as batches are go whole into it.

    Attributes:
        constants: Numbers of Python that the step reads; for others it is compiled again.
    """

    def __init__(
        self, step: Step, placement: Placement, *, looped: bool = True, gathers: bool = False
    ) -> None:
        self.step, self.looped, self._gathers = step, looped, gathers
        self._placement = placement
        self._packing = Packing(step.moves, step.reads)
        self.constants: tuple[Any, ...] = ()
        self._computations: dict[Any, Computation] = {}
        # How often they had been traced for other models before this one came to them.
        self._before: dict[Computation, int] = {}
        self._forgotten = 0  # traces of computations that are kept no more
        self._prepared: dict[Any, threading.Thread] = {}
        self._step_times: dict[Any, StepTime] = {}

    def jaxpr(self, start: Packed, batch: PyTree) -> ClosedJaxpr:
        """Returns the step as a jaxpr, which is the same on any devices.

        It is not kept for the programs: what hooks change before the first batch, and what of it
        only a trace can see, counts for them.

        Args:
            start: A state.
            batch: Shapes and dtypes of a batch.
        """
        return self._traced(start.form, batch)[0]

    @property
    def traces(self) -> int:
        """How often a program was traced since this model came to it; each is a compilation."""
        kept = sum(found.traces - before for found, before in self._before.items())
        return kept + self._forgotten

    def pack(self, state: TrainState) -> Packed:
        """Returns a state in the form that `run` takes."""
        return self._packing.pack(state)

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
            computation = self._computation(start, batches)
            moving, rest, scalar = start.moving, start.rest, self._placement.scalar
            if self.looped and not (single and count == 1):
                at, steps = scalar(first), scalar(count)
                moving, rows = computation.loop(moving, rest, batches, at, steps, capacity=capacity)
                return start.moved(moving), [rows]
            program = computation.overwriting if overwrite else computation.single
            blocks = []
            for index in range(first, first + count):
                moving, row = program(moving, rest, batches, scalar(index))
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
            with self._placement.tracing():
                computation = self._computation(start, batches)
                program = computation.overwriting if overwrite else computation.single
                zero = self._placement.scalar(0)
                lowered = program.lower(start.moving, start.rest, batches, zero)
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
            row = self._computation(start, batches).row(start.moving, start.rest, batches)
        row_bytes: int = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(row))
        return max(1, min(CAPACITY, ROW_BYTES // max(1, row_bytes)))

    def _computation(self, start: Packed, batches: Batches) -> Computation:
        """Returns the programs for a state and batches of these forms."""
        eager: bool = jax.config.jax_disable_jit  # type: ignore[attr-defined]
        key = start.form, batches.form, self.constants, eager
        if key not in self._computations:
            # What is divided among devices is traced as it lies on them, and for one model alone.
            alone = eager or not isinstance(self._placement, OneDevice)
            found = self._own(start) if alone else self._shared(start, batches)
            self._computations[key], self._before[found] = found, found.traces
            if len(self._computations) > KEPT:
                self._forget_first()
        return self._computations[key]

    def _forget_first(self) -> None:
        """Lets go of the computation that was made first."""
        first = self._computations.pop(next(iter(self._computations)))
        if first not in self._computations.values():
            self._forgotten += first.traces - self._before.pop(first)

    def _own(self, start: Packed) -> Computation:
        inner = partial(self._inner, form=start.form, gathers=self._gathers)
        return Computation(inner, self._placement, start.form.places, self._row)

    def _shared(self, start: Packed, batches: Batches) -> Computation:
        """Returns the programs of what the step computes, of an equal model's if there are any."""
        closed, structure = self._traced(start.form, jax.eval_shape(select, batches, 0))

        def make() -> Computation:
            step = replayed(closed, structure)
            return Computation(step, self._placement, start.form.places, self._row)

        return pooled("steps", closed, structure, make)

    def _traced(self, form: Form, batch: PyTree) -> tuple[ClosedJaxpr, Any]:
        """Returns the step as a jaxpr for states and batches of a form, and its outputs' form."""
        return traced(partial(self._inner, form=form), form.moving, form.rest, batch)

    @property
    def _row(self) -> PyTree:
        """Shapes and dtypes of the step's row; None if they are not known yet."""
        if self.step.keys is None:
            return None
        return jax.ShapeDtypeStruct((len(self.step.keys) + 1,), jnp.float32)

    def _inner(
        self,
        moving: list[Array],
        rest: list[Array],
        batch: PyTree,
        *,
        form: Form,
        gathers: bool = False,
    ) -> Taken:
        before, read = jax.tree.unflatten(form.structure, moving + rest)
        state = before | read
        if gathers and "params" in state:
            state |= {"params": self._placement.gather_weights(state["params"])}
        after, row = self.step.run(state, batch)
        moved = jax.tree.map(
            lambda new, old: lax.convert_element_type(new, old.dtype), after, before
        )
        return jax.tree.leaves(moved), row
