"""How many batches a source has, as far as it knows."""

import sys
from collections.abc import Iterable, Sized
from typing import Any

_ENDLESS = sys.maxsize >> 31
"""From here on a length stands for none: grain's is divided by the size of batches."""
_INFINITE = -1
"""What tf.data's ``cardinality`` returns for a data set that never ends."""


def count_batches(source: Iterable[Any]) -> int | None:
    """Returns how many batches a source has; None if it does not know, as an endless one."""
    try:
        if hasattr(source, "num_batches"):  # of a ``PyDataset``, which may lack a length
            return None if source.num_batches is None else int(source.num_batches)
        length = len(source) if isinstance(source, Sized) else None
        return None if length is None or length >= _ENDLESS else length
    except Exception:  # whatever says that there is none, as tf.data's TypeError
        return None


def is_endless(source: Any) -> bool:
    """Returns whether a source says that it never ends: by ``repeat()`` of tf.data or of grain."""
    if hasattr(source, "cardinality"):
        return int(source.cardinality()) == _INFINITE
    try:
        return isinstance(source, Sized) and len(source) >= _ENDLESS
    except Exception:  # it does not know
        return False
