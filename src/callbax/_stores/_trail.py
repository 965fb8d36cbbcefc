"""What hooks wrote in a run of which only some states are kept."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from callbax._stores._protocol import RunState
from callbax._stores._record import Change

_SMALL = 4096
"""Bytes that one change may take to be kept: rates and other numbers, no weights."""
_MOST = 256
"""How many changes are kept."""


class Trail:
    """Keeps the last changes that hooks made, as long as they are small.

    It goes into every state of the run that is kept, so that the run's other batches can be visited
    from there.

    Attributes:
        noted: How many changes there were, those that are no longer kept among them.
        renewed: Whether a number of Python that losses or metrics read has changed.
        reached: Epoch and batches done where the run ended; None while it is under way.
        steps: Training steps taken there.

    Example:
        >>> trail = Trail()
        >>> trail.note(0, 3, {".learning_rate": np.float32(0.5)})
        >>> trail.note(0, 4, {".params['kernel']": np.zeros(5000)})
        >>> trail.journal()
        ((0, 3, {'.learning_rate': 0.5}), (0, 4, {".params['kernel']": None}))
    """

    def __init__(self) -> None:
        self._entries: deque[Change] = deque(maxlen=_MOST)
        self.noted = 0
        self.renewed = False
        self.reached: tuple[int, int] | None = None
        self.steps = 0

    def note(self, epoch: int, batch: int, change: Mapping[str, Any]) -> None:
        """Keeps a change; of one that is too large, that it was made.

        Args:
            epoch: The epoch.
            batch: Batches of it that were done.
            change: Path in the state -> array.
        """
        if not change:
            return
        if sum(array.nbytes for array in change.values()) > _SMALL:
            change = {next(iter(change)): None}
        self._entries.append((epoch, batch, change))
        self.noted += 1

    def journal(self) -> Sequence[Change]:
        """Returns the last changes; a path has None if what was written is not kept."""
        # Only now, as an array on the device would have to be waited for in `note`.
        plain = [
            (epoch, batch, {path: _plain(value) for path, value in change.items()})
            for epoch, batch, change in list(self._entries)
        ]
        self._entries = deque(plain, maxlen=_MOST)
        return tuple(plain)

    def put_on(self, run: RunState) -> RunState:
        """Returns a state of the run with what hooks wrote up to it."""
        journal = self.journal()
        return replace(run, journal=journal, noted=self.noted, renewed=self.renewed)

    def follow(self, run: RunState) -> None:
        """Goes on where a state was kept."""
        self._entries = deque(run.journal, maxlen=_MOST)
        self.noted, self.renewed = run.noted or 0, run.renewed

    def end(self, epoch: int, batch: int, steps: int) -> None:
        """Notes where the run has ended."""
        self.reached, self.steps = (epoch, batch), steps


def _plain(value: Any) -> Any:
    """Returns a scalar as a number of Python, which takes no array in a file."""
    if value is None or not hasattr(value, "dtype"):
        return value
    if not getattr(value, "is_fully_addressable", True):  # other processes have parts of it
        return None
    array = np.asarray(value)
    return array.item() if array.shape == () and array.dtype.kind in "biuf" else array
