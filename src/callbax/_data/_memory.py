"""Memory of the host that XLA uses in place on a CPU."""

import itertools
import math
import mmap
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes; where memory must start for XLA to use it in place on a CPU."""
BYTES_PER_THREAD = 4 * 2**20
"""What a thread copies at least; to start it takes as long as to copy a tenth of that."""
MOST_THREADS = 4


def aligned_empty(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Returns an uninitialised array in memory that XLA can use in place."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    aligned: NDArray[Any] = raw[start : start + size].view(dtype).reshape(shape)
    return aligned


def is_aligned(array: NDArray[Any]) -> bool:
    """Returns whether XLA can use the memory of an array in place."""
    return bool(array.ctypes.data % ALIGNMENT == 0 and array.flags.c_contiguous)


def fill(target: NDArray[Any], source: NDArray[Any]) -> None:
    """Copies an array into another one of its shape, by several threads if it is large.

    Most of the time the system clears pages that are new to the process, and it does so for each
    thread on its own: 188 MB take 54 ms by one thread and 30 ms by two (measured, two cores).
    """
    cores = min(os.cpu_count() or 1, MOST_THREADS)
    threads = min(cores, target.nbytes // BYTES_PER_THREAD, len(target)) if target.ndim else 1
    if threads < 2:
        np.copyto(target, source, casting="same_kind")
        return
    cuts = itertools.pairwise(len(target) * part // threads for part in range(threads + 1))
    parts = [(target[begin:end], source[begin:end]) for begin, end in cuts]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(np.copyto, *part, casting="same_kind") for part in parts]:
            done.result()


def around(samples: NDArray[Any], within: NDArray[Any]) -> tuple[NDArray[Any], int] | None:
    """Returns aligned memory in which samples lie, as far as `ALIGNMENT` bytes longer than them.

    It is read-only, and keeps the samples alive. What lies around them may belong to somebody else:
    it shares a page with `within`, so that it can be addressed, and nobody must ask for its values.

    Args:
        samples: An array in C order.
        within: The array that they are a part of.

    Returns:
        A flat array of their dtype, and how many of its elements come before them; None if they are
        not contiguous, or if a page may be missing.
    """
    before = samples.ctypes.data % ALIGNMENT
    if not samples.flags.c_contiguous or not samples.flags.aligned or ALIGNMENT % samples.itemsize:
        return None
    address, size = samples.ctypes.data - before, samples.nbytes + ALIGNMENT
    end = np.lib.array_utils.byte_bounds(within)[1]
    if address + size > -(-end // mmap.PAGESIZE) * mmap.PAGESIZE:
        return None
    raw = np.asarray(_Raw(address, size, owner=samples))
    return raw.view(samples.dtype), before // samples.itemsize


class _Raw:
    """Bytes at an address as NumPy takes them."""

    def __init__(self, address: int, size: int, *, owner: object) -> None:
        self._owner = owner
        self.__array_interface__ = {
            "data": (address, True),
            "shape": (size,),
            "typestr": "|u1",
            "version": 3,
        }
