"""When to save: what ``save_freq`` means."""

import re
import time
from numbers import Integral
from typing import Any

from callbax._core._errors import describe, explain

_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_SPELLING = re.compile(r"(\d+(?:\.\d+)?) +(epoch|batch|second|minute|hour)(?:s|es)?", re.IGNORECASE)


class Frequency:
    """Says after which epochs or batches a save is due.

    Args:
        save_freq: ``"epoch"``; a number of batches; or a number and a unit, as in ``"3 epochs"``,
            ``"500 batches"``, ``"10 minutes"`` (seconds, minutes, hours of wall clock, looked at
            after each batch). Epochs and batches are counted on over several fits.
        owner: Class name of the callback, for messages.

    Attributes:
        by_batch: Whether `batch_ended` has to be asked.

    Raises:
        ValueError: `save_freq` is none of these; a bool is not either.

    Differs from Keras: units are new; ``True``, ``False`` and numbers below 1 are refused, where
    Keras saves after every batch.

    Example:
        >>> frequency = Frequency("2 epochs", owner="ModelCheckpoint")
        >>> [frequency.epoch_ended() for epoch in range(4)]
        [False, True, False, True]
    """

    def __init__(self, save_freq: Any, *, owner: str) -> None:
        self._every, self._unit = _parse(save_freq, owner)
        self.by_batch = self._unit != "epoch"
        self._count = 0
        self._since = time.monotonic()

    def start(self) -> None:
        """Lets the clock run from here on; counts go on."""
        self._since = time.monotonic()

    def epoch_ended(self) -> bool:
        """Takes note of an epoch's end; says whether a save is due."""
        return self._unit == "epoch" and self._counted()

    def batch_ended(self) -> bool:
        """Takes note of a batch's end; says whether a save is due."""
        if self._unit == "batch":
            return self._counted()
        if self._unit == "second" and time.monotonic() - self._since >= self._every:
            self.start()
            return True
        return False

    def state_dict(self) -> dict[str, Any]:
        """Returns the count."""
        return {"count": self._count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up a recorded count."""
        self._count = state["count"]

    def _counted(self) -> bool:
        self._count += 1
        if self._count < self._every:
            return False
        self._count = 0
        return True


def _parse(save_freq: Any, owner: str) -> tuple[float, str]:
    """Returns a number and its unit: "epoch", "batch" or "second"."""
    number, unit = 0.0, ""
    if save_freq == "epoch":
        number, unit = 1, "epoch"
    elif isinstance(save_freq, Integral) and not isinstance(save_freq, bool):
        number, unit = int(save_freq), "batch"
    elif isinstance(save_freq, str) and (match := _SPELLING.fullmatch(save_freq.strip())):
        number, unit = float(match[1]), match[2].lower()
    if unit in _SECONDS:
        number, unit = number * _SECONDS[unit], "second"
    elif number < 1 or number != int(number):
        unit = ""
    if not unit or number <= 0:
        raise ValueError(
            explain(
                f"{owner}(save_freq={save_freq!r})",
                expected='"epoch", a positive number of batches, or a number and a unit',
                received=describe(save_freq),
                action='Write units as in "3 epochs", "500 batches" or "10 minutes".',
            )
        )
    return number, unit
