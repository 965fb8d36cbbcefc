"""Sources that want to know when epochs begin and end."""

from typing import Any


class Epochs:
    """Tells a source when epochs begin and end, if it asks for that as Keras's ``PyDataset`` does.

    Args:
        source: The source.
        ends_first: Whether it hears of an end before the first epoch, as Keras has it everywhere
            but in ``predict``.

    Attributes:
        left: Batches that may still be drawn in this epoch, as the next one's come after its end;
            None for any number.
    """

    def __init__(self, source: Any, *, ends_first: bool) -> None:
        self._ends_first = ends_first
        self._on_begin = getattr(source, "on_epoch_begin", None)
        self._on_end = getattr(source, "on_epoch_end", None)
        self._within = self._running = False
        self.left: int | None = None

    def start(self, batches: int | None) -> None:
        """Begins an epoch, or says how many batches are left of the one that is under way."""
        if self._on_begin is None and self._on_end is None:
            return
        self.left = batches
        if self._ends_first and not self._running and self._on_end is not None:
            self._on_end()
        if not self._within and self._on_begin is not None:
            self._on_begin()
        self._running = self._within = True

    def drawn(self, count: int) -> None:
        """Counts batches that were drawn."""
        if self.left is not None:
            self.left -= count

    def end(self) -> None:
        """Ends the epoch."""
        if self._within and self._on_end is not None:
            self._on_end()
        self._within = False

    def leave(self) -> None:
        """Ends the run."""
        self._within, self._running, self.left = False, False, None
