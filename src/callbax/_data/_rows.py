"""Samples that are not in memory as arrays, and are brought there batch by batch."""

import copy
import math
import mmap
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._data._numbers import fits, is_narrowed, no_column

LARGE_BYTES = 2**28
"""From here on, memory-mapped arrays and columns on disk are read batch by batch."""
PIECE_BYTES = 2**24
"""How much to read at a time of what is looked through as a whole."""
MAPPED_BYTES = 2**26
"""How much of a mapped file may stay in memory after it was read."""
FAULT_BYTES = 2**16
"""How much of a file a first touch of it brings into memory, on Linux."""


class Rows(ABC):
    """What stands for an array of samples until a batch of them is due.

    Args:
        shape: The shape of all samples, the first length being how many there are.
        dtype: Their dtype.

    Attributes:
        first: How many there are before them, if these are a part.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape, self.dtype = shape, dtype
        self.first = 0

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def memory(self) -> tuple[NDArray[Any], ...]:
        """The user's arrays that are read."""
        return ()

    def __getitem__(self, part: slice) -> "Rows":
        """Returns some samples in a row, which are not read yet either."""
        first, last, _ = part.indices(self.shape[0])
        some = copy.copy(self)
        some.first += first
        some.shape = (last - first, *self.shape[1:])
        return some

    def take(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Returns the samples of these numbers as an array in memory."""
        return self._read(rows + self.first).astype(self.dtype, copy=False)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Yields all samples, some at a time."""
        row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        count = max(1, PIECE_BYTES // max(1, row_bytes))
        for first in range(0, self.shape[0], count):
            yield self.take(np.arange(first, min(first + count, self.shape[0])))

    def bounds(self) -> tuple[Any, Any]:
        """Returns the smallest and the largest number."""
        bounds = [(piece.min(), piece.max()) for piece in self.pieces()]
        least, most = zip(*bounds, strict=True)
        return min(least), max(most)

    @abstractmethod
    def _read(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Returns the samples of these numbers, counted from the first there is."""


class SparseRows(Rows):
    """A sparse matrix of SciPy's; only batches of it become dense.

    Args:
        matrix: The matrix, with two dimensions.
    """

    def __init__(self, matrix: Any) -> None:
        super().__init__(matrix.shape, matrix.dtype)
        self._matrix = matrix.tocsr()

    @property
    def memory(self) -> tuple[NDArray[Any], ...]:
        return self._matrix.data, self._matrix.indices, self._matrix.indptr

    def bounds(self) -> tuple[Any, Any]:
        return self._matrix.min(), self._matrix.max()

    def _read(self, rows: NDArray[Any]) -> NDArray[Any]:
        dense: NDArray[Any] = self._matrix[rows].toarray()
        return dense


class MappedRows(Rows):
    """An array that lies in a mapped file; what was read of it does not stay in memory.

    Args:
        array: The array.
        file: Its map.
    """

    def __init__(self, array: NDArray[Any], file: np.memmap[Any, Any]) -> None:
        super().__init__(array.shape, array.dtype)
        self._array, self._file = array, file
        self._touched = 0

    @property
    def memory(self) -> tuple[NDArray[Any], ...]:
        return (self._array,)

    def _read(self, rows: NDArray[Any]) -> NDArray[Any]:
        read = np.asarray(self._array[rows])
        self._touched += max(read.nbytes, len(rows) * FAULT_BYTES)
        if self._touched > MAPPED_BYTES:
            self._touched = 0
            _let_go(self._file)
        return read


class ColumnRows(Rows):
    """A column of a data set of Hugging Face's, read from its file batch by batch.

    Args:
        dataset: The data set, in a format that gives NumPy's arrays.
        name: The column.
        first: Its first sample, of shape (1, ...).
        where: The public call and its argument, for errors.
    """

    def __init__(self, dataset: Any, name: str, first: NDArray[Any], where: str) -> None:
        super().__init__((len(dataset), *first.shape[1:]), first.dtype)
        self._dataset, self._name, self._where = dataset, name, where

    def _read(self, rows: NDArray[Any]) -> NDArray[Any]:
        read = np.asarray(self._dataset[rows][self._name])
        if read.shape[1:] != self.shape[1:]:
            raise no_column(self._where, self._name, "samples of different shapes")
        return read


def in_memory(array: Any, rows: NDArray[Any]) -> NDArray[Any]:
    """Returns some samples of an array or of `Rows` as an array in memory."""
    return array.take(rows) if isinstance(array, Rows) else np.asarray(array[rows])


def mapped(array: Any) -> Any:
    """Returns a large array that lies in a mapped file as `Rows`, any other as it is."""
    if not isinstance(array, np.ndarray) or array.nbytes < LARGE_BYTES or not array.ndim:
        return array
    base: Any = array
    while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
        base = base.base
    return ranged(MappedRows(array, base)) if isinstance(base, np.memmap) else array


def ranged(rows: Rows) -> Rows:
    """Lets integers beyond the range that they have on the device be read as float32."""
    if is_narrowed(rows.dtype) and rows.size and not fits(*rows.bounds(), rows.dtype):
        rows.dtype = np.dtype(np.float32)
    return rows


def _let_go(file: np.memmap[Any, Any]) -> None:
    """Lets pages of a file go; its own copy of what was written stays with the system."""
    while isinstance(file.base, np.memmap):
        file = file.base
    pages: Any = file.base
    # A private map ("c") would lose what was written to it.
    if isinstance(pages, mmap.mmap) and file.mode != "c" and hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)
