"""Steps of a run that were taken for nothing."""

from dataclasses import dataclass
from typing import Protocol


class Charged(Protocol):
    """Whoever pays for them."""

    replayed: int
    discarded: int


@dataclass(slots=True)
class Waste:
    """Counts them until somebody is charged with them.

    Attributes:
        replayed: Those that were taken again for hooks that read the state.
        discarded: Those that had run ahead and were thrown away, as hooks changed the state.
        noted: Whether there are any.
    """

    replayed: int = 0
    discarded: int = 0
    noted: bool = False

    def note(self, *, replayed: int = 0, discarded: int = 0) -> None:
        """Counts some more."""
        self.replayed += replayed
        self.discarded += discarded
        self.noted = bool(self.replayed or self.discarded)

    def charge(self, account: Charged) -> None:
        """Charges somebody with all of them."""
        account.replayed += self.replayed
        account.discarded += self.discarded
        self.replayed = self.discarded = 0
        self.noted = False
