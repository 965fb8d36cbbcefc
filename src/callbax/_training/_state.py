"""The state of a training run: a value, never changed in place."""

from dataclasses import dataclass
from typing import Any, Protocol

import jax

from callbax._core._types import Array, PyTree
from callbax._training._module import Arrays


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """Everything that a run's future depends on, apart from its data.

    A step maps one of these to the next; hooks swap one for another. Nothing else holds numbers.

    Attributes:
        params: Trainable arrays of the module, by path.
        stats: The module's other arrays, by path.
        random: Keys of the module's random streams; steps read and never change them.
        optimizer: State of the optimizer.
        metrics: Running sums of the loss and metrics over the current epoch.
        step: Training steps taken, int32 scalar.
        learning_rate: float32 scalar; steps read it and never change it.
    """

    params: Arrays
    stats: Arrays
    random: Arrays
    optimizer: PyTree
    metrics: PyTree
    step: Array
    learning_rate: Array

    def replace(self, **changes: Any) -> "TrainState":
        """Returns a state that differs in the fields given."""
        # Not dataclasses.replace, which looks the fields up anew at every step.
        return TrainState(**(vars(self) | changes))


class StateSource(Protocol):
    """Where the model finds the state at the current batch, during a run or between runs."""

    state: TrainState

    @property
    def step(self) -> int:
        """Training steps taken, known without touching the device."""

    @property
    def learning_rate(self) -> Array:
        """The learning rate in force, known without replaying anything."""


class RestingState:
    """The state between runs.

    Args:
        state: The state to hold.
    """

    def __init__(self, state: TrainState) -> None:
        self.state = state

    @property
    def step(self) -> int:
        return int(self.state.step)

    @property
    def learning_rate(self) -> Array:
        return self.state.learning_rate
