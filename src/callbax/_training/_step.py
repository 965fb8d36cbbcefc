"""One step of training, evaluation or prediction: a pure function of state and batch."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Float

from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Applied, Arrays, Batch, Functional, Variables

Fields = dict[str, PyTree]
"""Fields of a `TrainState` by name."""


class Measured(Protocol):
    """What a step needs of losses and metrics."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of what is reported."""

    def losses(self, batch: Batch, applied: Applied, *, training: bool) -> tuple[Array, Any]:
        """Returns the total to minimise, a float32 scalar, and what it is made of."""

    def update(
        self, state: PyTree, losses: tuple[Array, Any], batch: Batch, y_pred: PyTree
    ) -> PyTree:
        """Returns the running sums after one more batch."""

    def compute(self, state: PyTree) -> Array:
        """Returns the values over the batches seen, sorted by key."""


class Optimizer(Protocol):
    """What a step needs of an optimizer."""

    def update(
        self,
        grads: PyTree,
        opt_state: PyTree,
        params: PyTree,
        *,
        learning_rate: Array,
        step: Array,
    ) -> tuple[PyTree, PyTree]:
        """Returns the parameters and the optimizer's state after one step."""


class Outside(Protocol):
    """What losses and metrics may read besides their arguments."""

    def shown(self, state: Fields, variables: Variables) -> AbstractContextManager[None]:
        """Lets them read it as of the step that is being traced.

        Args:
            state: The state before the step.
            variables: The module's variables, gradients flowing through them.
        """


@dataclass(frozen=True)
class Step:
    """A pure step and what it moves.

    Attributes:
        run: ``(state fields, batch) -> (moved fields of the state, row)``.
        moves: Fields of the state that it changes.
        reads: Fields that it reads and leaves as they are.
        keys: Names of the row's values; None if the row is the module's output.
        computation: Its jaxpr; None if it has not been traced yet.
    """

    run: Callable[[Fields, Batch], tuple[Fields, PyTree]]
    moves: tuple[str, ...]
    reads: tuple[str, ...]
    keys: tuple[str, ...] | None
    computation: Any = None


def train_step(
    module: Functional, objective: Measured, optimizer: Optimizer, outside: Outside
) -> Step:
    """Returns the step that trains: forward, backward, update, running metrics.

    Its row holds the running values of the epoch so far, as Keras reports them, and in a last
    place the batch's own loss.
    """

    def run(state: Fields, batch: Batch) -> tuple[Fields, Float[Array, " keys"]]:
        with outside.shown(state, _variables(state)):
            return descend(state, batch)

    def descend(state: Fields, batch: Batch) -> tuple[Fields, Float[Array, " keys"]]:
        def objective_of(params: Arrays) -> tuple[Array, tuple[Any, Applied]]:
            variables = Variables(params, state["stats"], state["random"])
            applied = module.apply(variables, batch[0], training=True, step=state["step"])
            with outside.shown(state, variables):
                losses = objective.losses(batch, applied, training=True)
            return losses[0], (losses, applied)

        grads, (losses, applied) = jax.grad(objective_of, has_aux=True)(state["params"])
        params, optimizer_state = optimizer.update(
            grads,
            state["optimizer"],
            state["params"],
            learning_rate=state["learning_rate"],
            step=state["step"],
        )
        metrics = objective.update(state["metrics"], losses, batch, applied.output)
        moved = {
            "params": params,
            "stats": applied.stats,
            "optimizer": optimizer_state,
            "metrics": metrics,
            "step": state["step"] + 1,
        }
        if module.moves_random:
            moved["random"] = applied.random
        return moved, jnp.append(objective.compute(metrics), losses[0])

    moves: tuple[str, ...] = ("params", "stats", "optimizer", "metrics", "step")
    reads: tuple[str, ...] = ("learning_rate", "hyperparameters", "captured")
    if module.moves_random:
        moves = (*moves, "random")
    else:
        reads = ("random", *reads)
    return Step(run, moves, reads, tuple(sorted(objective.keys)))


def test_step(module: Functional, objective: Measured, outside: Outside) -> Step:
    """Returns the step that evaluates: forward and running metrics."""

    def run(state: Fields, batch: Batch) -> tuple[Fields, Float[Array, " keys"]]:
        applied = module.apply(_variables(state), batch[0], training=False, step=state["step"])
        with outside.shown(state, _variables(state)):
            losses = objective.losses(batch, applied, training=False)
            metrics = objective.update(state["metrics"], losses, batch, applied.output)
        return {"metrics": metrics}, jnp.append(objective.compute(metrics), losses[0])

    reads = (
        "params",
        "stats",
        "random",
        "step",
        "learning_rate",
        "hyperparameters",
        "captured",
    )
    return Step(run, ("metrics",), reads, tuple(sorted(objective.keys)))


def predict_step(module: Functional) -> Step:
    """Returns the step that predicts: its row is the module's output for the batch."""

    def run(state: Fields, batch: Batch) -> tuple[Fields, PyTree]:
        applied = module.apply(_variables(state), batch[0], training=False, step=state["step"])
        return {}, applied.output

    return Step(run, (), ("params", "stats", "random", "step"), None)


def _variables(state: Fields) -> Variables:
    return Variables(state["params"], state["stats"], state["random"])
