"""Which of the files saved so far to keep."""

import contextlib
import math
import os
from typing import Any

from callbax._core._arguments import optional_count
from callbax.callbacks._monitor import Monitor


class Retention:
    """Deletes what is neither among the best nor among the newest files.

    Args:
        best: How many of the best to keep.
        last: How many of the newest to keep; 1 if only `best` is given. With neither,
            everything is kept.
        monitor: Tells which of two values is better.
        owner: Class name of the callback, for messages.

    Raises:
        ValueError: A number is not a positive integer.
    """

    def __init__(self, best: int | None, last: int | None, *, monitor: Monitor, owner: str) -> None:
        expected = "a positive number of files, or None to keep all"
        action = "The newest file is always kept."
        best = optional_count(owner, "keep_best", best, expected=expected, action=action)
        last = optional_count(owner, "keep_last", last, expected=expected, action=action)
        self.active = best is not None or last is not None
        self._best, self._last, self._monitor = best or 0, last or 1, monitor
        self._files: dict[str, float | None] = {}

    def add(self, path: str, value: float | None) -> None:
        """Records a file that is safely written, and deletes those no longer to be kept.

        Args:
            path: The file.
            value: Its value; None counts as the worst.
        """
        if not self.active:
            return
        self._files.pop(path, None)  # Saved again, it is the newest.
        self._files[path] = None if value is None or math.isnan(value) else value
        keep = {*list(self._files)[-self._last :], *self._ranked()[: self._best]}
        for old in [old for old in self._files if old not in keep]:
            del self._files[old]
            with contextlib.suppress(FileNotFoundError):
                os.remove(old)

    def state_dict(self) -> dict[str, Any]:
        """Returns the files and their values, oldest first."""
        return {"files": [[path, value] for path, value in self._files.items()]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a record."""
        self._files = dict(state["files"])

    def _ranked(self) -> list[str]:
        """Returns the files that have a value, best first; of equals the older."""
        if not self._best:
            return []
        sign = -1 if self._monitor.higher_is_better else 1
        values = [(value, path) for path, value in self._files.items() if value is not None]
        return [path for _, path in sorted(values, key=lambda item: sign * item[0])]
