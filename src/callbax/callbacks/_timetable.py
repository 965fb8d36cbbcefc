"""When each value of a History was recorded, in epochs from the first run on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from callbax._core._run_events import RunEvent


class Timetable:
    """Keeps the place of each value: 2.0 is the end of the second epoch, 1.5 the middle of it.

    Runs that begin at epoch 0 again lie behind those before them.
    """

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}
        self._shift = 0
        self._end = 0

    def begin(self, epoch: int) -> None:
        """Records that an epoch begins, counted from 0."""
        if self._shift + epoch < self._end:
            self._shift = self._end - epoch

    def note(self, key: str, epoch: int, batch: int | None, steps: int | None) -> None:
        """Records when a value of a key came.

        Args:
            key: The key.
            epoch: The epoch, counted from 0.
            batch: The batch, counted from 0; None at the epoch's end.
            steps: Batches in an epoch; None if unknown.
        """
        self._times.setdefault(key, []).append(self._at(epoch, batch, steps))
        if batch is None:
            self._end = max(self._end, self._shift + epoch + 1)

    def of(self, key: str, count: int) -> Sequence[float]:
        """Returns the times of a key's values; 1, 2, 3... if these are not those recorded."""
        times = self._times.get(key, [])
        return times if len(times) == count else [float(n) for n in range(1, count + 1)]

    def marks(self, events: Iterable[RunEvent], steps: int | None) -> list[tuple[float, RunEvent]]:
        """Returns the events of the last run, each with its time."""
        return [(self._at(e.epoch, e.batch, steps), e) for e in events if e.epoch is not None]

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold."""
        times = {key: list(times) for key, times in self._times.items()}
        return {"times": times, "shift": self._shift, "end": self._end}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores a recorded state; an empty one forgets all."""
        self._times = {key: list(times) for key, times in state.get("times", {}).items()}
        self._shift, self._end = state.get("shift", 0), state.get("end", 0)

    def _at(self, epoch: int, batch: int | None, steps: int | None) -> float:
        within = 1.0 if batch is None else (batch + 1) / max(steps or 0, batch + 1)
        return self._shift + epoch + within
