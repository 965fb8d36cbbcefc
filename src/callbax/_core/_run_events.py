"""What callbacks have done in a run: what a picture of the run marks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

EventKind = Literal["stop", "best", "learning_rate"]
"""The run was stopped | the best value so far | the learning rate was reduced."""


@dataclass(frozen=True)
class RunEvent:
    """Something that a callback did in a run.

    Attributes:
        kind: ``"stop"``, ``"best"`` or ``"learning_rate"``.
        by: The callback's class.
        epoch: The epoch, counted from 0; None before the first.
        batch: The batch, if it was not the epoch's end.
        key: The log key that it is about, if it is about one.
        value: The best value, or the new rate.
    """

    kind: EventKind
    by: str
    epoch: int | None
    batch: int | None = None
    key: str | None = None
    value: float | None = None


class TellsEvents(Protocol):
    """A callback that keeps what it did in the run, as part of its state."""

    def run_events(self) -> Iterable[RunEvent]:
        """Returns what it has done so far."""


def events_of(callbacks: Iterable[Any]) -> Iterator[RunEvent]:
    """Returns what the callbacks of a run have done so far, in their order."""
    for callback in callbacks:
        # Asked of the class: a mock would answer everything.
        if hasattr(type(callback), "run_events"):
            yield from callback.run_events()
