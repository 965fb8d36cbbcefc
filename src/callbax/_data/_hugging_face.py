"""Data sets of Hugging Face's ``datasets``: named columns, read as NumPy's arrays.

https://huggingface.co/docs/datasets/package_reference/main_classes
"""

from typing import Any

import numpy as np

from callbax._data._numbers import fitting, is_numeric, no_column, unboxed
from callbax._data._rows import LARGE_BYTES, ColumnRows, ranged


def read_dataset(dataset: Any, where: str) -> Any:
    """Returns the columns by name, as the inputs of those names; a single column by itself.

    Raises:
        ValueError: A column holds no numbers, or samples of different shapes; it is named.
    """
    dataset = _as_numpy(dataset)
    names = list(dataset[:1])
    columns = {name: _read(dataset, name, where) for name in names}
    return columns if len(columns) != 1 else columns[names[0]]


def read_column(column: Any, where: str) -> Any:
    """Returns a column of a data set, ``dataset["label"]``; see `read_dataset`."""
    if hasattr(column.source, "with_format"):
        return _read(_as_numpy(column.source, column.column_name), column.column_name, where)
    array = np.asarray(column[:])  # a part of a column that has parts
    return _checked(array, column.column_name, where)


def _as_numpy(dataset: Any, *names: str) -> Any:
    """Returns a data set that gives arrays; one with a transform of its user's gives its own."""
    if dataset.format["type"] == "custom":
        return dataset
    return dataset.with_format("numpy", columns=list(names) or dataset.format["columns"])


def _read(dataset: Any, name: str, where: str) -> Any:
    first = _checked(np.asarray(dataset[:1][name]), name, where)
    if first.nbytes * len(dataset) < LARGE_BYTES:
        return fitting(_checked(np.asarray(dataset[:][name]), name, where))
    return ranged(ColumnRows(dataset, name, first, where))


def _checked(array: Any, name: str, where: str) -> Any:
    if array.dtype.kind == "O":
        if any(np.ndim(entry) for entry in array.flat):
            raise no_column(where, name, "samples of different shapes")
        return unboxed(array, (name,), where)
    if not is_numeric(array.dtype):
        raise no_column(where, name, str(array.dtype))
    return array
