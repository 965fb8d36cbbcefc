"""The state of a module that trains itself, between runs and in files."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from callbax._core._errors import explain
from callbax._core._types import Array, PyTree
from callbax._data._placement import Placement
from callbax._modules._own_training import OwnTraining
from callbax._modules._protocol import Arrays, Functional
from callbax._training._rest import placed_variables
from callbax._training._state import TrainState


class OwnRest:
    """The state between runs: all of it is in the user's objects.

    Args:
        functional: The module.
        own: Its steps.
        placement: Where arrays live.
    """

    def __init__(self, functional: Functional, own: OwnTraining, placement: Placement) -> None:
        self._functional, self._own, self._placement = functional, own, placement
        self._steps = placement.place_state(np.int32(0))
        self._held: TrainState | None = None
        self._lent: TrainState | None = None
        self.hyperparameters: Arrays = {}

    @property
    def metrics(self) -> PyTree:
        return self.read().metrics

    @metrics.setter
    def metrics(self, value: PyTree) -> None:
        if self._held is not None:
            self._held = self._held.replace(metrics=value)

    @property
    def step(self) -> int:
        return int(self._steps if self._held is None else self._held.step)

    @property
    def learning_rate(self) -> Array:
        return self.read().learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Array) -> None:
        self.write(self.read().replace(learning_rate=value))

    def keep(self, state: TrainState) -> None:
        self._steps = state.step

    def hold(self) -> None:
        self._held = self._lent = self.read()

    def drop(self) -> None:
        if self._held is not None:
            nothing = self._held.replace(params={}, stats={}, random={}, optimizer=[])
            self._held = self._lent = nothing

    def release(self) -> None:
        held, self._held = self._held, None
        if held is not None and held is not self._lent:
            self.write(held)
        self._lent = None

    def restart(self) -> None:
        """Does nothing: nobody but callbax's optimizers asks."""

    def read(self) -> TrainState:
        if self._held is not None:
            return self._held
        variables = placed_variables(self._functional, self._placement)
        optimizer, rate = self._own.read()
        optimizer, rate, metrics = self._placement.place_state(
            (optimizer, rate, self._own.metrics())
        )
        return TrainState(
            *variables,
            optimizer=optimizer,
            metrics=metrics,
            step=self._steps,
            learning_rate=rate,
            hyperparameters={},
            captured={},
        )

    def write(self, state: TrainState) -> None:
        if self._held is not None:
            self._held = state
            return
        self._steps = state.step
        self._functional.write(state.variables)
        self._own.write(state.optimizer, state.learning_rate, state.metrics)


class OwnVariables:
    """The optimizer's part of a state as a list: steps taken, learning rate, its own arrays."""

    fresh = 2

    def read(self, state: TrainState) -> list[Any]:
        """Returns the arrays."""
        return [state.step, state.learning_rate, *state.optimizer]

    def write(self, state: TrainState, variables: Sequence[Any]) -> TrainState:
        """Returns the state with these arrays in it.

        Raises:
            ValueError: There are not as many as the optimizer has.
        """
        step, rate, *rest = variables
        if len(rest) != len(state.optimizer):
            raise ValueError(
                explain(
                    "optimizer's variables",
                    expected=f"{len(state.optimizer)} arrays",
                    received=f"{len(rest)}",
                    action="Compile with the optimizer that they were recorded with.",
                )
            )
        optimizer = [
            jnp.asarray(new, old.dtype) for new, old in zip(rest, state.optimizer, strict=True)
        ]
        return state.replace(
            step=jnp.asarray(step, jnp.int32),
            learning_rate=jnp.asarray(rate, state.learning_rate.dtype),
            optimizer=optimizer,
        )
