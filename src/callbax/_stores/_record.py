"""What a run was, as far as it is needed to go to one of its batches again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from callbax._stores._protocol import RunState

Change = tuple[int, int, Mapping[str, Any]]
"""What a hook wrote: the epoch, the batches of it that were done, path in the state -> array."""

BEFORE_EPOCH = -1
"""In place of the batches done, for what was written before the epoch had begun."""


@dataclass(frozen=True)
class Row:
    """The logs of a batch.

    Attributes:
        epoch: The epoch, counted from 0.
        batch: The batch, counted from 0.
        logs: The running values that hooks got.
        loss: The batch's own loss.
    """

    epoch: int
    batch: int
    logs: Mapping[str, float]
    loss: float


@dataclass(frozen=True)
class Stretch:
    """The way to a batch, and what is known of it to compare with.

    Attributes:
        start: A state of the run at or before the batch.
        changes: What hooks wrote after it, in order, at least up to the batch.
        row: The logs of the batch; None if nobody kept them.
        goal: The next state of the run that is kept, if all that leads there is known.
        steps: Training steps taken where the run ended, as far as it is known; None if `row` says
            that the run came to the batch.
    """

    start: RunState
    changes: Sequence[Change]
    row: Row | None = None
    goal: RunState | None = None
    steps: int | None = None


class Record(Protocol):
    """What was kept of a run."""

    def rows(self, where: str) -> Sequence[Row]:
        """Returns the logs of all batches.

        Args:
            where: The public call to name in an error, without backticks.

        Raises:
            ValueError: They were not kept.
        """

    def stretch(self, epoch: int, batch: int) -> Stretch:
        """Returns the way to a batch.

        Raises:
            ValueError: The run never came to it, or what was kept does not lead there.
            OSError: What was kept cannot be read.
        """
