"""A whole run as one value, and what keeps such values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from callbax.saving._contents import Contents


@dataclass(frozen=True)
class RunState:
    """A run at a batch: all that its future depends on beside the program and the data.

    Arrays are NumPy's or JAX's. A run that starts from this value ends bit for bit where the one
    that it was taken from ends.

    Attributes:
        epoch: The epoch, counted from 0; one that is over counts as the next, with no batch done.
        batch: Batches of it that are done.
        contents: Weights and optimizer under the keys and in the order that weights files use.
        random: Path of a random stream in the module -> its key.
        metrics: The running metrics of the epoch, leaf by leaf.
        row: The last batch's values of the logs; None before the first batch.
        seed: Seed of the order in which arrays are read; None if nothing is shuffled.
        pass_step: Training steps taken when the current pass over the data began; None if none did.
        pass_done: Batches of that pass that are done.
        passes: Passes that were over before it.
        hyperparameters: Numbers of the optimizer that were assigned in training, by name.
        pass_length: Batches in a pass; None if unknown.
        batch_size: Samples in the first batch of the data; None if unknown.
        fit: Fits with this store that had ended before this one in the same process.
        begun: Training steps taken when this fit began.
        captured: Arrays of the variables that losses and metrics hold from outside, by number.
        ema_swapped: Whether weights and their moving averages have changed places.
        callbacks: States of the callbacks, `History` among them, by class name.
    """

    epoch: int
    batch: int
    contents: Contents
    random: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[Any] = ()
    row: Sequence[float] | None = None
    seed: int | None = None
    pass_step: int | None = None
    pass_done: int = 0
    passes: int = 0
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    pass_length: int | None = None
    batch_size: int | None = None
    fit: int = 0
    begun: int = 0
    captured: Mapping[str, Any] = field(default_factory=dict)
    ema_swapped: bool = False
    callbacks: Mapping[str, Any] = field(default_factory=dict)


class RunStore(Protocol):
    """Keeps the latest state of a run."""

    def latest(self) -> RunState | None:
        """Returns what was written last; None if there is nothing.

        Raises:
            OSError: There is something, but it cannot be read.
        """

    def write(self, run: RunState) -> None:
        """Keeps a state in place of the one before.

        Raises:
            OSError: It cannot be written; the one before is as it was.
        """

    def clear(self) -> None:
        """Removes what is kept."""
