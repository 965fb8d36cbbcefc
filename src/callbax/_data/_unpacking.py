"""What a source yields, as batches of numbers that are all alike."""

import operator
from typing import Any

import jax
import numpy as np

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._data._arrays import PARTS, argument, count_rows, to_arrays
from callbax._data._numbers import fitting
from callbax._data._rows import Rows, in_memory
from callbax._data._select import HostBatch


class Unpacking:
    """Turns what one source yields into batches, ``(x, y, sample_weight)``.

    All of them have the structure of the first one, and arrays of its ranks, as in Keras. What has
    been checked of plain arrays is not checked again for arrays of the same shapes and dtypes.

    Args:
        where: The public call, for errors.
        needs_targets: Whether a batch without targets is an error.
    """

    def __init__(self, where: str, *, needs_targets: bool) -> None:
        self._source = where if "(" in where else argument(where, "x")
        self._needs_targets = needs_targets
        self._first: HostBatch | None = None
        self._checked: list[Any] | None = None

    def __call__(self, given: Any, number: int) -> HostBatch:
        """Returns a batch, None for the parts that are missing.

        Args:
            given: What the source yielded.
            number: Which batch that is, counted from 0, for errors.

        Raises:
            ValueError: The batch has more parts or lacks one, differing lengths, no rows, no
                numbers, or another structure than the first one.
        """
        arrays = _plain(given)
        if arrays is not None and arrays == self._checked:
            return (*map(fitting, given), None, None)[:3]
        where = f"{self._source}, batch {number}"
        batch = unpack(given, where, needs_targets=self._needs_targets)
        if self._first is None:
            self._first = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), batch)
        elif _form(batch) != _form(self._first):
            raise ValueError(
                explain(
                    where,
                    expected=f"a batch like the first one, {_shown(self._first)}",
                    received=_shown(batch),
                    action="Let the source yield the same parts, with arrays of as many "
                    "dimensions, each time. Batches are counted from 0.",
                )
            )
        as_given = arrays is not None and all(map(operator.is_, batch, given))
        self._checked = arrays if as_given else None
        return batch


def unpack(batch: Any, where: str, *, needs_targets: bool) -> HostBatch:
    """Returns what a source gave as ``(x, y, sample_weight)``, None for what is missing.

    Raises:
        ValueError: The batch has more parts or lacks one, differing lengths, or no rows.
    """
    parts = tuple(batch) if isinstance(batch, tuple | list) else (batch,)
    if not 1 <= len(parts) <= 3 or parts[0] is None:
        raise ValueError(
            explain(
                where,
                expected="batches of the form x, (x, y) or (x, y, sample_weight)",
                received=describe(batch),
                action="Let the source yield a tuple of at most three parts.",
            )
        )
    given = (*parts, None, None)[:3]
    if needs_targets and given[1] is None:
        raise ValueError(
            explain(
                where,
                expected="batches of the form (x, y) or (x, y, sample_weight)",
                received=describe(batch),
                action="Let the source yield pairs, `yield x, y`: the loss needs the targets.",
            )
        )
    x, y, sample_weight = (
        jax.tree.map(_in_memory, to_arrays(part, argument(where, name)))
        for name, part in zip(PARTS, given, strict=True)
    )
    count_rows(where, x=x, y=y, sample_weight=sample_weight)
    return x, y, sample_weight


def _plain(given: Any) -> list[Any] | None:
    """Returns shapes and dtypes if a source gave a tuple or list of NumPy's own arrays."""
    if type(given) not in (tuple, list) or not all(type(part) is np.ndarray for part in given):
        return None
    return [(part.shape, part.dtype) for part in given]


def _in_memory(array: Any) -> Any:
    return in_memory(array, np.arange(array.shape[0])) if isinstance(array, Rows) else array


def _form(batch: PyTree) -> tuple[Any, list[int]]:
    return jax.tree.structure(batch), [len(leaf.shape) for leaf in jax.tree.leaves(batch)]


def _shown(batch: HostBatch) -> str:
    """Returns a batch's parts as text: dtypes and shapes."""
    parts = [part for part in batch if part is not None]
    shown = jax.tree.map(lambda a: _Text(f"{a.dtype}{list(a.shape)}"), parts)
    return str(tuple(shown)) if len(shown) > 1 else str(shown[0])


class _Text(str):
    """Text that is shown without quotes within a tuple."""

    def __repr__(self) -> str:
        return str(self)
