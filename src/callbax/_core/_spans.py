"""Stretches of time in a run, for whoever draws them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of time in a run.

    Attributes:
        track: What was busy or waited: "hooks", "device", "data" or "records".
        name: What was done.
        began: When it began, by ``time.perf_counter()``.
        ended: When it ended.
        details: What else is known: epoch, batch, steps.
    """

    track: str
    name: str
    began: float
    ended: float
    details: Mapping[str, object]


class Spans:
    """Hands stretches of time on; false while nobody wants them, so that nothing is measured.

    Example:
        >>> spans, drawn = Spans(), []
        >>> bool(spans)
        False
        >>> spans.listeners.append(drawn.append)
        >>> spans.tell("data", "wait", 1.0, 1.5, batch=3)
        >>> drawn[0].name, drawn[0].details
        ('wait', {'batch': 3})
    """

    def __init__(self) -> None:
        self.listeners: list[Callable[[Span], None]] = []

    def __bool__(self) -> bool:
        return bool(self.listeners)

    def tell(self, track: str, name: str, began: float, ended: float, **details: object) -> None:
        """Tells of a stretch of time; see `Span`."""
        for listener in self.listeners:
            listener(Span(track, name, began, ended, details))
