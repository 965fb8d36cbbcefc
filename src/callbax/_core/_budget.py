"""A bound on the memory that what a file describes may take."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from numpy.typing import DTypeLike

from callbax._core._errors import explain


class _Budget:
    """Bytes that may still be spent.

    Args:
        limit: How many there are.
        where: The public call to name in an error, without backticks.
    """

    def __init__(self, limit: int, where: str) -> None:
        self._limit, self._left, self._where = limit, limit, where

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError(
                explain(
                    self._where,
                    expected=f"a configuration whose weights fit the file, {self._limit} bytes at "
                    "most",
                    received=f"one that asks for {self._limit - self._left} bytes or more",
                    action="The file is damaged, or was made to exhaust the memory.",
                )
            )


_budget: ContextVar[_Budget | None] = ContextVar("_budget", default=None)


@contextmanager
def at_most(limit: int, *, where: str) -> Iterator[None]:
    """Bounds what `spend` is told inside.

    Args:
        limit: How many bytes.
        where: The public call to name in an error, without backticks.

    Example:
        >>> with at_most(100, where="load_model(filepath)"):
        ...     spend((5, 5), "float32")
        ...     spend((1,), "float32")
        Traceback (most recent call last):
            ...
        ValueError: `load_model(filepath)`: expected a configuration whose weights fit the file,
        100 bytes at most, received one that asks for 104 bytes or more.
        The file is damaged, or was made to exhaust the memory.
    """
    token = _budget.set(_Budget(limit, where))
    try:
        yield
    finally:
        _budget.reset(token)


def spend(shape: Sequence[int], dtype: DTypeLike) -> None:
    """Counts an array that is about to be made.

    Args:
        shape: Its shape.
        dtype: Its dtype.

    Raises:
        ValueError: It is more than `at_most` allows.
    """
    budget = _budget.get()
    if budget is not None:
        budget.spend(math.prod(map(int, shape)) * np.dtype(dtype).itemsize)
