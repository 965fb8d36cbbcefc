"""From rows of numbers to the logs that hooks receive."""

from collections.abc import Sequence

import numpy as np

from callbax._core._hooks import Logs


class LogKeys:
    """The names of a row's values, and their order in logs.

    Logs are sorted by name, as Keras sorts them; so are the columns of a CSV file.

    Args:
        keys: Names in the order of the row.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._order = sorted(range(len(keys)), key=lambda column: keys[column])
        self._sorted = tuple(keys[column] for column in self._order)

    def columns(self, rows: np.ndarray) -> list[list[float]]:
        """Returns rows of shape (batches, keys + 1) as lists sorted by key, the own loss last."""
        sorted_rows: list[list[float]] = rows[:, [*self._order, rows.shape[1] - 1]].tolist()
        return sorted_rows

    def logs(self, row: Sequence[float]) -> Logs:
        """Returns a new dict for one batch."""
        return dict(zip(self._sorted, row, strict=False))
