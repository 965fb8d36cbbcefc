"""A whole run as one value, and what keeps such values."""

from collections.abc import Iterator, Mapping, Sequence
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
        digests: Checksums of what a source gave: of the pass before, and of the batches done of
            this one; 0 for nothing.
        hyperparameters: Numbers of the optimizer that were assigned in training, by name.
        pass_length: Batches in a pass; None if unknown.
        batch_size: Samples in the first batch of the data; None if unknown.
        fit: Fits with this store that had ended before this one in the same process.
        begun: Training steps taken when this fit began.
        captured: Arrays of the variables that losses and metrics hold from outside, by number.
        ema_swapped: Whether weights and their moving averages have changed places.
        callbacks: States of the callbacks, `History` among them, by class name; None if no callback
            has seen it.
        steps: Training steps that the model has taken.
        settings: What the callbacks were made with, under the same keys.
        forgotten: Names of the callbacks whose attributes have changed, and which have no state.
        validations: How often the validation data were read, and how many batches in all.
        generators: States of Python's and of NumPy's global random generators.
        identity: What the run belongs to: names of model, optimizer, data... -> what they are.
        journal: What hooks wrote since the state before it was taken, if the run is recorded so;
            else what they wrote last, as far as it is kept.
        noted: How many times they had written; None if nobody has counted.
        renewed: Whether they had changed a number of Python that losses or metrics read.
        finished: ``epochs`` of the fit if it is over; None while it is under way.
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
    digests: Sequence[int] = (0, 0)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    pass_length: int | None = None
    batch_size: int | None = None
    fit: int = 0
    begun: int = 0
    captured: Mapping[str, Any] = field(default_factory=dict)
    ema_swapped: bool = False
    callbacks: Mapping[str, Any] | None = field(default_factory=dict)
    steps: int = 0
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    forgotten: Sequence[str] = ()
    validations: Sequence[int] = (0, 0)
    generators: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)
    journal: Sequence[tuple[int, int, Mapping[str, Any]]] = ()
    noted: int | None = None
    renewed: bool = False
    finished: int | None = None


class RunStore(Protocol):
    """Keeps the latest states of a run."""

    @property
    def where(self) -> str:
        """The public call that it belongs to, for messages, without backticks."""

    @property
    def allow_changes(self) -> bool:
        """Whether a fit that differs from the recorded one may continue it."""

    @property
    def divided(self) -> bool:
        """Whether every process writes what its devices hold; else the first writes all."""

    def states(self, like: Contents | None = None) -> Iterator[RunState]:
        """Returns what is kept, the newest first.

        What cannot be read is passed over, with a warning that names it.

        Args:
            like: Arrays on the devices on which those of a state belong, for a store that is
                divided; others read to the host.

        Raises:
            OSError: There is something, and nothing of it can be read.
        """

    def paths(self) -> list[str]:
        """Returns the files of what is kept, the newest first; none if it is kept elsewhere."""

    def write(self, run: RunState) -> None:
        """Keeps one more state; what was kept before may go once it is safe.

        If the store is divided, all processes call it at the same batch. It may still be under way
        when this returns.

        Raises:
            TypeError: A callback's state holds what no file can.
            OSError: This one, or the one before, cannot be written; older ones are as they were.
        """

    def clear(self) -> None:
        """Removes what is kept."""

    def close(self) -> None:
        """Waits for what is under way, and lets others use the place.

        Raises:
            OSError: The last state could not be written.
        """
