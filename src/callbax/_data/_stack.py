"""Batches of one shape, put together for one execution."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from callbax._core._types import Array, PyTree
from callbax._data._memory import aligned_empty
from callbax._data._placement import Placement, canonical
from callbax._data._select import HostBatch

STACK_BYTES = 64 * 2**20
"""Host memory that the batches stacked for one execution may take."""
STACK_BATCHES = 64
"""Batches stacked for one execution at most."""


class Stack:
    """Batches of one shape, in arrays of fixed capacity, so that nothing is compiled again.

    Args:
        first: The first batch; like all others it is copied.

    Attributes:
        capacity: How many batches there is room for.
    """

    def __init__(self, first: HostBatch) -> None:
        leaves, structure = jax.tree.flatten(first)
        self._structure: Any = structure
        bytes_per_batch = sum(leaf.nbytes for leaf in leaves)
        self.capacity = max(1, min(STACK_BATCHES, STACK_BYTES // max(1, bytes_per_batch)))
        self._arrays = [
            aligned_empty((self.capacity, *leaf.shape), canonical(leaf.dtype)) for leaf in leaves
        ]
        self._count = 0
        self.add(first)

    def __len__(self) -> int:
        return self._count

    def add(self, batch: HostBatch) -> bool:
        """Copies a batch into the stack; returns False if it has other shapes or dtypes."""
        leaves, structure = jax.tree.flatten(batch)
        if structure != self._structure or not all(map(_is_alike, leaves, self._arrays)):
            return False
        for array, leaf in zip(self._arrays, leaves, strict=True):
            array[self._count] = leaf
        self._count += 1
        return True

    def batches(self) -> Iterator[HostBatch]:
        """Yields the batches, as views of the stack."""
        for position in range(self._count):
            yield jax.tree.unflatten(self._structure, [array[position] for array in self._arrays])

    def placed(self, placement: Placement) -> PyTree:
        """Returns the arrays where steps expect them; a batch alone takes no room for others."""
        room = 1 if self._count == 1 else self.capacity
        leaves = [placement.place_stack(array[:room]) for array in self._arrays]
        return jax.tree.unflatten(self._structure, leaves)

    @property
    def size(self) -> int:
        """Samples in a batch."""
        return int(self._arrays[0].shape[1])

    @property
    def form(self) -> str:
        """What batches look like, apart from how many samples they have."""
        leaves = ", ".join(f"{a.dtype}{list(a.shape[2:])}" for a in self._arrays)
        return f"{leaves} in {self._structure}"

    def cut(self, count: int) -> list[HostBatch]:
        """Takes all batches but the first ones out, and returns copies of them."""
        rest = [jax.tree.map(np.array, batch) for batch in list(self.batches())[count:]]
        self._count = min(self._count, count)
        return rest

    def shared(self, placement: Placement, room: int, size: int) -> PyTree:
        """Returns the batches of all processes where steps expect them.

        Args:
            placement: Where batches live.
            room: For how many batches there is to be room, as in all processes.
            size: For how many samples of each process.
        """

        def fill(array: NDArray[Any]) -> Array:
            filled = np.zeros((room, size, *array.shape[2:]), array.dtype)
            filled[: self._count, : array.shape[1]] = array[: self._count]
            return placement.place_share(filled)

        return jax.tree.unflatten(self._structure, [fill(array) for array in self._arrays])


def _is_alike(leaf: Any, stacked: NDArray[Any]) -> bool:
    """Returns whether an array of a batch is like those that are stacked."""
    dtype: np.dtype[Any] = stacked.dtype
    alike: bool = leaf.dtype == dtype or canonical(leaf.dtype) == dtype
    return alike and leaf.shape == stacked.shape[1:]
