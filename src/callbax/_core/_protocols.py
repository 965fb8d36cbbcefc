"""What the rooms see of each other."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from callbax._core._types import Array, PyTree


@runtime_checkable
class OptimizerView(Protocol):
    """What a callback sees of the optimizer."""

    learning_rate: Any
    """Reads as a number, the one in force at the current batch; may be assigned."""


@runtime_checkable
class ModelView(Protocol):
    """What a callback sees of the model: every read and write is as of the current batch."""

    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    history: Any
    optimizer: OptimizerView

    @property
    def metric_directions(self) -> Mapping[str, str | None]:
        """Log key (without ``val_``) -> "up", "down", or None where nobody knows."""

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, in Keras's order."""

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Replaces all weights."""


class StreamingMetric(Protocol):
    """A pure metric: its state is a pytree of fixed shapes and can ride in a compiled loop."""

    name: str
    direction: str | None

    def empty(self) -> PyTree:
        """The state before any batch."""

    def update(
        self, state: PyTree, y_true: PyTree, y_pred: PyTree, sample_weight: Array | None = None
    ) -> PyTree:
        """The state after one more batch."""

    def compute(self, state: PyTree) -> Array:
        """The value over all batches seen, a scalar."""
