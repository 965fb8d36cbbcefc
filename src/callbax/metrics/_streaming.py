"""What the engine needs of a metric."""

from typing import Protocol

from callbax._core._types import Array, PyTree


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
