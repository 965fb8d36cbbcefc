"""How often to save or validate: every n epochs or batches, or by the clock."""

import re
import time
from typing import Any

from callbax._core._arguments import is_whole
from callbax._core._errors import describe, explain

FrequencyLike = int | str
"""A number of batches; "epoch"; or a number and a unit, as in "500 batches"."""

_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_SPELLING = re.compile(r"(\d+(?:\.\d+)?) +(epoch|batch|second|minute|hour)(?:s|es)?", re.IGNORECASE)


class Frequency:
    """Tells after which epochs or batches a save, or whatever else, is due.

    Args:
        save_freq: ``"epoch"``; a number of batches; or a number and a unit, as in ``"3 epochs"``,
            ``"500 batches"``, ``"10 minutes"`` (seconds, minutes, hours of wall clock, looked at
            after each batch). Epochs and batches are counted on over several fits.
        owner: Class name of the callback, for messages.
        complaint: What the advice of an error begins with.

    Attributes:
        by_batch: Whether `batch_ended` has to be asked.

    Raises:
        ValueError: `save_freq` is not one of these; a bool is not either.

    Differs from Keras: units are new; ``True``, ``False`` and numbers below 1 are refused, which
    Keras takes for every batch.

    Example:
        >>> frequency = Frequency("2 epochs", owner="ModelCheckpoint")
        >>> [frequency.epoch_ended() for epoch in range(4)]
        [False, True, False, True]
    """

    def __init__(self, save_freq: Any, *, owner: str, complaint: str = "") -> None:
        self._every, self._unit = _checked(save_freq, owner, complaint)
        self.by_batch = self._unit != "epoch"
        self._count = 0
        self._since = time.monotonic()

    @property
    def batches(self) -> int | None:
        """After how many batches it is due; None if it does not go by batches."""
        return int(self._every) if self._unit == "batch" else None

    def start(self) -> None:
        """Lets the clock run from here on; counts continue."""
        self._since = time.monotonic()

    def epoch_ended(self) -> bool:
        """Counts an epoch's end; returns whether it is due."""
        return self._unit == "epoch" and self._counted()

    def batch_ended(self) -> bool:
        """Counts a batch's end; returns whether it is due."""
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
        """Restores a recorded count."""
        self._count = state["count"]

    def _counted(self) -> bool:
        self._count += 1
        if self._count < self._every:
            return False
        self._count = 0
        return True


class FrequencySetting:
    """An attribute of a callback that says how often; what is assigned is checked and counts.

    The callback holds the `Frequency` as ``_frequency``; its counts start again at an assignment.

    Args:
        complaint: What the advice of an error begins with: the words that Keras has for it.
    """

    def __init__(self, complaint: str = "") -> None:
        self._complaint = complaint

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, callback: Any, owner: type | None = None) -> Any:
        if callback is None:
            return self
        try:
            return vars(callback)[self._name]
        except KeyError:  # A subclass that never called `super().__init__()`.
            raise AttributeError(f"{type(callback).__name__}.{self._name[1:]} is not set") from None

    def __set__(self, callback: Any, value: Any) -> None:
        found = Frequency(value, owner=type(callback).__name__, complaint=self._complaint)
        vars(callback).update({self._name: value, "_frequency": found})


def parse(spelling: Any) -> tuple[float, str] | None:
    """Reads a number and a unit.

    Args:
        spelling: ``"3 epochs"``, ``"500 batches"``, ``"10 minutes"``; ``"epoch"`` alone is one.

    Returns:
        The number, above 0, and "epoch", "batch" or "second"; None if `spelling` is something
        else, or a part of an epoch or a batch.

    Example:
        >>> parse("500 batches"), parse("0.5 hours"), parse("0.5 epochs")
        ((500.0, 'batch'), (1800.0, 'second'), None)
    """
    if spelling == "epoch":
        return 1, "epoch"
    match = _SPELLING.fullmatch(spelling.strip()) if isinstance(spelling, str) else None
    if match is None:
        return None
    number, unit = float(match[1]), match[2].lower()
    if unit in _SECONDS:
        number, unit = number * _SECONDS[unit], "second"
    elif number != int(number):
        return None
    return (number, unit) if number > 0 else None


def _checked(save_freq: Any, owner: str, complaint: str) -> tuple[float, str]:
    counted = is_whole(save_freq) and save_freq > 0
    found = (int(save_freq), "batch") if counted else parse(save_freq)
    if found is None:
        raise ValueError(
            explain(
                f"{owner}(save_freq={save_freq!r})",
                expected='"epoch", a positive number of batches, or a number and a unit',
                received=describe(save_freq),
                action=f"{complaint} ".lstrip()
                + 'Write units as in "3 epochs", "500 batches" or "10 minutes".',
            )
        )
    return found
