"""Batches by number."""

from collections.abc import Iterator
from itertools import count as endless
from typing import Any

from callbax._core._arguments import count
from callbax._core._errors import explain


class PyDataset:
    """Batches that are made one by one, each by its number.

    Subclass it for data that do not fit into memory, or are made on the fly: override
    ``__getitem__``, which returns a batch ``(x, y)`` or ``(x, y, sample_weight)``, and ``__len__``,
    the number of batches; for an endless one, `num_batches` that returns None.

    Args:
        workers: Not used: one thread reads ahead while the device computes.
        use_multiprocessing: Not used, likewise.
        max_queue_size: Not used, likewise.

    Raises:
        ValueError: ``workers`` or ``max_queue_size`` is not a whole number.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         return [index], [index**2]
        >>> list(Squares())
        [([0], [0]), ([1], [1]), ([2], [4])]

    Differs from Keras: ``workers`` and its like do nothing, and the constructor need not be called.

    Source: https://keras.io/api/utils/python_utils/#pydataset-class
    """

    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = count("PyDataset", "workers", workers, least=0)
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = count("PyDataset", "max_queue_size", max_queue_size)

    def __getitem__(self, index: int) -> Any:
        """Returns the batch of this number."""
        raise NotImplementedError(_missing(self, "__getitem__(self, index)"))

    def __iter__(self) -> Iterator[Any]:
        """Yields the batches in their order, without end if `num_batches` is None."""
        batches = self.num_batches
        for index in endless() if batches is None else range(batches):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None for an endless one."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(_missing(self, "__len__(self)"))
        return len(self)

    def on_epoch_begin(self) -> None:
        """Is called before each epoch."""

    def on_epoch_end(self) -> None:
        """Is called after each epoch, for example to shuffle."""


Sequence = PyDataset
"""Keras 2's name of it."""


def _missing(dataset: PyDataset, method: str) -> str:
    return explain(
        type(dataset).__name__,
        expected=f"a data set that overrides `{method}`",
        received="one that does not",
        action="Define `__getitem__`, and `__len__` or the property `num_batches`.",
    )
