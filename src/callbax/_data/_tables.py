"""Frames, tables and their columns as arrays of numbers: pandas, polars, pyarrow."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._data._numbers import no_column, unboxed


def read_pandas(value: Any, where: str) -> NDArray[Any]:
    """Returns the numbers of a series or frame; a series becomes one column, as in Keras.

    They are float32 if dtypes are mixed or take missing values, which become NaN.

    Raises:
        ValueError: A column holds no numbers; it is named.
    """
    frame = value.to_frame() if value.ndim == 1 else value
    dtypes = list(frame.dtypes)
    for position, dtype in enumerate(dtypes):
        if dtype.kind not in "biufcO":
            raise no_column(where, frame.columns[position], str(dtype))
        if dtype.kind == "O":
            column = np.asarray(frame.iloc[:, position], object)
            unboxed(column, (frame.columns[position],), where)
    if dtypes and isinstance(dtypes[0], np.dtype) and all(d == dtypes[0] for d in dtypes):
        plain: NDArray[Any] = frame.to_numpy()
        return plain
    numbers: NDArray[Any] = frame.to_numpy(dtype=np.float32, na_value=np.nan)
    return numbers


def read_polars(value: Any, where: str) -> NDArray[Any]:
    """Returns the numbers of a series or frame of polars, as `read_pandas` does."""
    polars = sys.modules["polars"]
    frame = value if hasattr(value, "get_columns") else value.to_frame()
    columns = frame.get_columns()
    for column in columns:
        if not (column.dtype.is_numeric() or column.dtype == polars.Boolean):
            raise no_column(where, column.name, str(column.dtype))
    alike = len({column.dtype for column in columns}) == 1 and not columns[0].dtype.is_decimal()
    if not alike or any(column.null_count() for column in columns):
        columns = [column.cast(polars.Float32) for column in columns]
    return np.stack([column.to_numpy() for column in columns], axis=1)


def read_arrow(value: Any, where: str) -> NDArray[Any]:
    """Returns the numbers of a table, record batch or array of pyarrow, as `read_pandas` does."""
    arrow = sys.modules["pyarrow"]
    names = getattr(value, "column_names", (0,))
    columns = value.columns if hasattr(value, "columns") else [value]
    kinds = arrow.types
    for name, column in zip(names, columns, strict=True):
        numeric = kinds.is_integer, kinds.is_floating, kinds.is_boolean, kinds.is_decimal
        if not any(is_numeric(column.type) for is_numeric in numeric):
            raise no_column(where, name, str(column.type))
    alike = len({column.type for column in columns}) == 1 and not kinds.is_decimal(columns[0].type)
    if not alike or any(column.null_count for column in columns):
        columns = [column.cast(arrow.float32(), safe=False) for column in columns]
    return np.stack([column.to_numpy(zero_copy_only=False) for column in columns], axis=1)
