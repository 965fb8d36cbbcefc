"""Arrays at places in memory that tests choose."""

import numpy as np


def placed(array, offset):
    """Returns a copy that starts so many bytes after a multiple of 64, with room behind it."""
    raw = np.empty(array.nbytes + 256, np.uint8)
    start = -raw.ctypes.data % 64 + offset
    copy = raw[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
