"""A run that is continued from a state in memory, and recorded nowhere."""

from collections.abc import Iterator

from callbax._stores._protocol import RunState
from callbax.saving._contents import Contents


class MemoryStore:
    """Holds one state from which a fit is to continue.

    Args:
        run: The state.
        where: The public call that it belongs to, for messages, without backticks.
    """

    allow_changes = True
    divided = False

    def __init__(self, run: RunState, *, where: str) -> None:
        self._run, self.where = run, where

    def states(self, like: Contents | None = None) -> Iterator[RunState]:
        yield self._run

    def paths(self) -> list[str]:
        return []

    def write(self, run: RunState) -> None:
        """Keeps nothing: whoever wants a record has a callback for it."""

    def clear(self) -> None:
        """Removes nothing."""

    def close(self) -> None:
        """Has nothing open."""
