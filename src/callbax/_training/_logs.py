"""From rows of numbers to the logs that hooks receive."""

from collections.abc import Sequence

from callbax._core._hooks import Logs


class LogKeys:
    """The names of a row's values.

    Args:
        keys: Names in the order of the row, sorted as Keras sorts logs and the columns of a CSV
            file; the row may hold more values than these.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(keys)

    def logs(self, row: Sequence[float]) -> Logs:
        """Returns a new dict for one batch."""
        return dict(zip(self._keys, row, strict=False))
