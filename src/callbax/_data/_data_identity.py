"""What data are, for a recorded run that may only continue with the same."""

from typing import Any

import jax
import numpy as np

from callbax._core._fingerprint import array_fingerprint
from callbax._core._types import PyTree
from callbax._data._rows import Rows, in_memory

SAMPLED_ROWS = 1024
"""How many rows of what is not in memory are looked at: the first, the last, others between."""


def identity_of_arrays(parts: PyTree, batch_size: int, *, shuffle: bool) -> dict[str, str]:
    """Returns name -> what it is.

    Args:
        parts: ``(x, y, sample_weight)``, leaves of shape (rows, ...).
        batch_size: Samples in a batch.
        shuffle: Whether they are read in another order in each pass.
    """
    x, y, weights = (" | ".join(map(_told, jax.tree.leaves(part))) for part in parts)
    return {
        "x": x,
        "y": y,
        "weights of samples": weights,
        "batch_size": str(batch_size),
        "shuffle": str(shuffle),
    }


def _told(array: Any) -> str:
    if not isinstance(array, Rows):
        return array_fingerprint(np.asarray(array))
    count = array.shape[0]
    rows = np.unique(np.linspace(0, count - 1, min(count, SAMPLED_ROWS)).astype(np.int64))
    return f"{count} rows, {array_fingerprint(in_memory(array, rows))}"
