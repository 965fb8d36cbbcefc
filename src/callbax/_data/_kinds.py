"""Kinds of data that come from other libraries.

They are known by the names of their classes, so that nothing is imported for their sake.
"""

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, cast

from callbax._core._errors import describe
from callbax._data._hugging_face import read_column, read_dataset
from callbax._data._numbers import no_numbers
from callbax._data._rows import SparseRows, ranged
from callbax._data._tables import read_arrow, read_pandas, read_polars

Read = Callable[[Any, str], Any]
"""(what users pass, the public call and its argument) -> arrays, `Rows`, or a dict of them."""


@dataclass(frozen=True)
class Kind:
    """Classes of a library, and how their objects become arrays.

    Attributes:
        library: The name of its package.
        classes: Names of the classes; those derived from them count too.
        read: What makes arrays of an object, or says what to pass instead.
        is_array: Whether that is one array.
    """

    library: str
    classes: tuple[str, ...]
    read: Read
    is_array: bool = True

    def has(self, cls: Any) -> bool:
        """Returns whether a class is one of this kind."""
        return any(
            base.__name__ in self.classes and base.__module__.partition(".")[0] == self.library
            for base in cls.__mro__
        )


def _read_torch(tensor: Any, where: str) -> Any:
    if tensor.is_nested:
        action = "Pass `torch.nested.to_padded_tensor(x, 0.0)`."
        raise no_numbers(where, "a nested tensor", action)
    # NumPy has no bfloat16; every number of that dtype is one of float32.
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy(force=True)


def _read_sparse(matrix: Any, where: str) -> Any:
    return ranged(SparseRows(matrix)) if matrix.ndim == 2 else matrix.toarray()


def _instead(action: str) -> Read:
    """Returns what refuses an object, and says what to do."""

    def refuse(value: Any, where: str) -> Any:
        raise no_numbers(where, describe(value), action)

    return refuse


_SPLITS = _instead('Pass one of its splits: `dataset["train"]`.')
_STREAM = _instead(
    "It yields single samples, and does not say what the targets are. Pass batches: an object "
    'whose `__iter__` yields `(batch["x"], batch["y"])` for every batch of '
    '`dataset.with_format("numpy").iter(32)`.'
)
_LOADER = _instead("Pass batches of it: `torch.utils.data.DataLoader(dataset, batch_size=32)`.")

PANDAS = Kind("pandas", ("DataFrame", "Series"), read_pandas)
KINDS = (
    Kind("callbax", ("Rows",), lambda rows, where: rows),
    PANDAS,
    Kind("polars", ("DataFrame", "Series"), read_polars),
    Kind("polars", ("LazyFrame",), _instead("Call `.collect()` first.")),
    Kind("pyarrow", ("Table", "RecordBatch", "Array", "ChunkedArray"), read_arrow),
    Kind("scipy", ("spmatrix", "sparray"), _read_sparse),
    Kind("torch", ("Tensor",), _read_torch),
    Kind("tensorflow", ("RaggedTensor",), _instead("Call `.to_tensor()` first.")),
    Kind("tensorflow", ("SparseTensor",), _instead("Pass `tf.sparse.to_dense(x)`.")),
    Kind("jax", ("JAXSparse",), _instead("Pass `x.todense()`.")),
    Kind("datasets", ("Column",), read_column),
    Kind("datasets", ("Dataset",), read_dataset, is_array=False),
    Kind("datasets", ("DatasetDict", "IterableDatasetDict"), _SPLITS),
    Kind("datasets", ("IterableDataset",), _STREAM),
    Kind("torch", ("Dataset",), _LOADER),
)


def kind_of(value: Any) -> Kind | None:
    """Returns the kind of what a user passed; None for all that is not of such a library."""
    return _kind_of(cast(Hashable, type(value)))


def is_steady(source: Any) -> bool:
    """Returns whether a source is known to yield the same batches at every pass.

    Those of grain do, as passes over them begin at the same state.
    """
    root = type(source).__module__.partition(".")[0]
    return isinstance(source, list | tuple) or hasattr(source, "at_step") or root == "grain"


@functools.lru_cache(maxsize=512)
def _kind_of(cls: Hashable) -> Kind | None:
    follows_pandas = hasattr(cls, "iloc") and hasattr(cls, "to_numpy")
    others = PANDAS if follows_pandas else None
    return next((kind for kind in KINDS if kind.has(cls)), others)
