"""What the timeline gets its batches from."""

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from callbax._core._types import PyTree
from callbax._data._select import Chunk


class Feed(Protocol):
    """A source of batches, read pass by pass.

    Attributes:
        batches_per_pass: Batches in one pass, or None if unknown before the end.
        targets: The targets if they are arrays.
    """

    batches_per_pass: int | None
    targets: "Targets | None"

    def identity(self) -> dict[str, str]:
        """Returns what the data are: name -> value."""

    def open(self) -> None:
        """Places what is kept on the device for all passes; before it nothing is placed.

        Arrays that hooks might change are read here, at the latest.
        """

    def spec(self, step: int) -> PyTree:
        """Returns the shapes and dtypes of the first batch, ``(x, y, sample_weight)``.

        Args:
            step: As for `start_pass`, which follows and reads that batch again.
        """

    def start_pass(self, step: int) -> None:
        """Starts reading from the beginning.

        Args:
            step: Training steps taken so far; with the seed it determines a shuffled order.

        Raises:
            ValueError: The source can be read only once and was.
        """

    def prepare_pass(self, step: int) -> None:
        """Does ahead of time what `start_pass` will have to do, if it can.

        Args:
            step: Training steps taken when that pass starts.
        """

    def start_epoch(self, batches: int | None) -> None:
        """Tells a source that wants to know that an epoch begins.

        Args:
            batches: How many more will be asked for until it ends; None if only the data say.
        """

    def end_epoch(self) -> None:
        """Tells it that the epoch has ended; one that was broken off never does, as in Keras."""

    def skip_passes(self, passes: int) -> int:
        """Reads on as after a number of passes, before the first one.

        A source that goes through its data in another order each time, such as one that shuffles
        by a generator of its own, is read that often to bring it there.

        Returns:
            The checksum of the last of them; 0 if it is not known.
        """

    def skip_readings(self, readings: int, batches: int) -> None:
        """Reads on as after readings that each began a pass, and took some batches in all.

        Args:
            readings: How many; the next one is the one after them.
            batches: How many batches they took together.
        """

    def rows_of(self, step: int, batch: int) -> NDArray[Any] | None:
        """Returns the numbers of the rows in a batch; None if the source does not tell.

        Args:
            step: Training steps taken when the pass began.
            batch: The batch of the pass, counted from 0.
        """

    def keep_digests(self) -> None:
        """Lets the chunks to come tell what was in their batches, if no `identity` can."""

    def reseed(self, seed: int) -> None:
        """Takes another seed for the order of the passes to come, if there is one."""

    def ready(self) -> bool:
        """Returns whether `next_chunk` would answer at once."""

    def next_chunk(self) -> Chunk | None:
        """Returns the next batches, or None at the end of the pass."""

    def release(
        self, unused: list[Chunk], offset: int, *, error: BaseException | None = None
    ) -> None:
        """Ends a reading; batches drawn and not used come first in the next one, if there is one.

        Args:
            unused: Chunks not used up.
            offset: Batches of the first one that were used.
            error: What ended the reading, if it did not end normally.
        """

    def close(self) -> None:
        """Ends all reading."""


@dataclass(frozen=True)
class Targets:
    """Targets that can be looked at before the first step.

    Attributes:
        where: The argument that they came in, for errors.
        y: Arrays.
        sample_weight: Weights of the samples, or None.
    """

    where: str
    y: PyTree
    sample_weight: PyTree
