"""Arrays that are not kept on the device, as batches gathered on the host."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from callbax._core._types import PyTree
from callbax._data._array_feeds import shuffled
from callbax._data._data_identity import identity_of_arrays
from callbax._data._rows import Rows, in_memory
from callbax._data._select import HostBatch


class HostBatches:
    """Arrays too large for the device, and `Rows`, as an iterable of batches gathered on the host.

    Args:
        arrays: ``(x, y, sample_weight)``, leaves of shape (rows, ...).
        rows: Number of rows.
        batch_size: Samples in a batch.
        seed: Seed of the order; None reads the rows as they lie.
        watched: Whether hooks might change the arrays while they are read.
    """

    def __init__(
        self, arrays: PyTree, rows: int, batch_size: int, seed: int | None, *, watched: bool = False
    ) -> None:
        self._arrays, self._rows, self._size, self._seed = arrays, rows, batch_size, seed
        self._watched = watched
        self._locked: list[NDArray[Any]] = []

    def lock(self) -> None:
        """Lets no hook write to the arrays while they are read: there is no room for a copy."""
        for leaf in jax.tree.leaves(self._arrays) if self._watched else ():
            for array in leaf.memory if isinstance(leaf, Rows) else (leaf,):
                self._lock(array)

    def _lock(self, array: Any) -> None:
        while isinstance(array, np.ndarray):
            if array.flags.writeable:
                array.flags.writeable = False
                self._locked.append(array)
            array = array.base

    def unlock(self) -> None:
        """Lets the arrays be written to as before."""
        while self._locked:  # what owns the memory first
            self._locked.pop().flags.writeable = True

    def identity(self) -> dict[str, str]:
        """Returns what the arrays are: name -> value."""
        return identity_of_arrays(self._arrays, self._size, shuffle=self._seed is not None)

    def order(self, step: int) -> NDArray[Any]:
        """Returns the row numbers of a pass that begins at a step."""
        if self._seed is None:
            return np.arange(self._rows)
        return shuffled(self._rows, self._seed, step)

    def rows_of(self, step: int, batch: int) -> NDArray[Any]:
        """Returns the row numbers of a batch of it."""
        return self.order(step)[batch * self._size :][: self._size]

    def reseed(self, seed: int) -> None:
        if self._seed is not None:
            self._seed = seed

    def at_step(self, step: int) -> Iterator[HostBatch]:
        order = self.order(step)
        for first in range(0, self._rows, self._size):
            picked = order[first : first + self._size]
            yield jax.tree.map(functools.partial(in_memory, rows=picked), self._arrays)

    def __iter__(self) -> Iterator[HostBatch]:
        return self.at_step(0)
