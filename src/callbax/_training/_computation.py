"""What a step computes for arrays of one form, compiled: many steps in one dispatch, or one."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from callbax._core._types import Array, PyTree
from callbax._data._placement import Placement
from callbax._data._select import Batches, select

Taken = tuple[list[Array], PyTree]
"""The leaves that a step has moved, and its row."""
Inner = Callable[[list[Array], list[Array], PyTree], Taken]
"""``(moving leaves, other leaves, batch)`` -> what the step makes of them."""


class Computation:
    """The compiled programs of a step; this is the only place where steps meet ``jax.jit``.

    One program takes a *dynamic* number of steps in a loop, and so serves full executions,
    remainders and replays without compiling again. If executions of one step are the rule, a
    program of a single step saves what the loop costs. Both give the same bits: each step sits
    behind optimization barriers, so that XLA sees the same computation in either.

    Args:
        inner: The step.
        placement: Where arrays live.
        places: Where the leaves of the state are, those that move first.
        row: Shapes and dtypes of the step's row; None to find them out.

    Attributes:
        loop: ``(moving, rest, batches, first, count, capacity=)`` -> leaves after ``count`` steps,
            and rows of shape (capacity, ...).
        single: ``(moving, rest, batches, index)`` -> leaves after one step, and a row of shape
            (1, ...).
        overwriting: The same; it overwrites ``moving``.
        traces: How often one of them was traced; each trace is a compilation.
    """

    def __init__(
        self, inner: Inner, placement: Placement, places: list[Any], row: PyTree = None
    ) -> None:
        self._inner, self._placement, self._places, self._row = inner, placement, places, row
        self.traces = 0
        self.loop = jax.jit(self._loop, static_argnames="capacity")
        self.single = jax.jit(self._single)
        self.overwriting = jax.jit(self._single, donate_argnames="moving")

    def row(self, moving: list[Array], rest: list[Array], batches: Batches) -> PyTree:
        """Returns the shapes and dtypes of the step's row."""
        if self._row is None:
            self._row = jax.eval_shape(self._take, moving, rest, batches, 0)[1]
        return self._row

    def _loop(
        self,
        moving: list[Array],
        rest: list[Array],
        batches: Batches,
        first: Array,
        count: Array,
        *,
        capacity: int,
    ) -> Taken:
        self.traces += 1

        def body(i: Array, carry: Taken) -> Taken:
            moving, rows = carry
            moving, row = self._take(moving, rest, batches, first + i)
            rows = jax.tree.map(
                lambda rows, row: lax.dynamic_update_index_in_dim(rows, row, i, 0), rows, row
            )
            return moving, rows

        row = self.row(moving, rest, batches)
        rows = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), row)
        rows = self._placement.gather(rows)
        # Never unrolled: an unrolled loop is fused across steps and changes the bits.
        moved, rows = lax.fori_loop(0, count, body, (moving, rows))
        return moved, rows

    def _single(
        self, moving: list[Array], rest: list[Array], batches: Batches, index: Array
    ) -> Taken:
        self.traces += 1
        moved, row = self._take(moving, rest, batches, index)
        return moved, jax.tree.map(lambda leaf: leaf[None], row)

    def _take(
        self, moving: list[Array], rest: list[Array], batches: Batches, index: Array | int
    ) -> Taken:
        # What does not move goes through the barrier too: XLA would compute what follows from it
        # alone, such as -learning_rate, once before the loop, and round differently for it.
        places, count = self._places, len(moving)
        batch = self._placement.divide(select(batches, jnp.asarray(index)))
        moving, rest, batch = lax.optimization_barrier((moving, rest, batch))
        # Said again behind the barrier: in a loop XLA would divide the same step in another way.
        moving = self._placement.pin(moving, places[:count])
        rest, batch = self._placement.pin(rest, places[count:]), self._placement.divide(batch)
        moved, row = self._inner(moving, rest, batch)
        leaves = self._placement.pin(moved, places[:count])
        taken: Taken = lax.optimization_barrier((leaves, self._placement.gather(row)))
        return taken


def traced(
    inner: Inner,
    moving: list[jax.ShapeDtypeStruct],
    rest: list[jax.ShapeDtypeStruct],
    batch: PyTree,
) -> tuple[ClosedJaxpr, Any]:
    """Returns a step as a jaxpr of leaves, and how its outputs make up what it returns.

    Args:
        inner: The step.
        moving: Shapes and dtypes of the leaves that it moves.
        rest: Those of the leaves that it reads.
        batch: Those of ``(x, y, sample_weight)``.
    """
    closed, form = jax.make_jaxpr(inner, return_shape=True)(moving, rest, batch)
    return closed, jax.tree.structure(form)


def replayed(closed: ClosedJaxpr, structure: Any) -> Inner:
    """Returns the step that was traced, which knows nothing of the model that it came from."""
    run = jaxpr_as_fun(closed)

    def inner(moving: list[Array], rest: list[Array], batch: PyTree) -> Taken:
        taken: Taken = jax.tree.unflatten(structure, run(*moving, *rest, *jax.tree.leaves(batch)))
        return taken

    return inner
