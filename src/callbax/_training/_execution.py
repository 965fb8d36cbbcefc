"""Steps in one dispatch, and the rows that they leave for the hooks."""

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from callbax._core._types import PyTree
from callbax._data._placement import POLLING_SECONDS, poll
from callbax._data._select import Chunk
from callbax._training._state import Packed


@dataclass
class Execution:
    """Steps in one dispatch: where they start in time and data, where they end, their rows.

    Attributes:
        begins: The batch of the run at which it starts.
        chunk: Where its batches are.
        first: The first of them in there.
        count: How many steps it takes.
        end: The state after them.
        blocks: Their rows as they come from the device: leaves of shape (steps or more, ...).
        keyed: Whether a row is logs, float32 of shape (keys,), and no output of the module.
        dispatched: When it was; None if a program was compiled for it.
        returned: When the call that dispatched it came back.
        rows: The rows one by one, on the host; None before they were fetched.
        took: How many seconds the device took, and whether it may have been ready before anybody
            looked; None if nobody has to know.
        ends: The batch of the run after its last one.
    """

    begins: int
    chunk: Chunk
    first: int
    count: int
    end: Packed
    blocks: list[PyTree]
    keyed: bool
    dispatched: float | None
    returned: float
    rows: list[Any] | None = None
    took: tuple[float, bool] | None = None
    ends: int = field(init=False)

    def __post_init__(self) -> None:
        self.ends = self.begins + self.count  # asked for at every batch

    @property
    def is_ready(self) -> bool:
        """Whether it has run."""
        return bool(self._last_leaf.is_ready())

    def wait(self, expected: float | None) -> None:
        """Waits until it has run, awake if it is short: for steps that are waited for one by one.

        While a long one runs, whoever stays awake takes a core from it.

        Args:
            expected: How many seconds it should take; None if that is not known.
        """
        if expected is None or expected < POLLING_SECONDS:
            poll(self._last_leaf)

    def fetch(self) -> list[Any]:
        """Returns the rows one by one, once it has run: lists of floats, or outputs."""
        if self.keyed:
            blocks = self.blocks
            values = np.asarray(blocks[0]) if len(blocks) == 1 else np.concatenate(blocks)
            return list(values[: self.count].tolist())
        rows: list[Any] = []
        per_block = self.count // len(self.blocks)
        for block in self.blocks:
            leaves, structure = jax.tree.flatten(block)
            parts = (np.asarray(leaf)[:per_block] for leaf in leaves)
            rows += [jax.tree.unflatten(structure, row) for row in zip(*parts, strict=True)]
        return rows

    @property
    def _last_leaf(self) -> Any:
        return jax.tree.leaves(self.blocks[-1])[0]
