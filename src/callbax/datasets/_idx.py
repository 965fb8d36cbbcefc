"""Reads IDX, the format in which MNIST was first published."""

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import explain

_GZIP_MAGIC = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


def read_idx(file: Path, shape: tuple[int, ...], *, where: str) -> NDArray[Any]:
    """Reads an IDX file of unsigned bytes, packed by gzip or not.

    Whether it is packed is seen in the file, not in its name: browsers unpack ``.gz`` files and
    keep the name.

    Args:
        file: What to read.
        shape: What it must hold.
        where: The public call to name in an error, without backticks.

    Returns:
        A uint8 array of that shape.

    Raises:
        ValueError: The file is damaged or holds something else.

    Source: http://yann.lecun.com/exdb/mnist/ (two zero bytes, a type code, the number of
    dimensions, each dimension as a big-endian 32-bit integer, then the values, last axis fastest).
    """
    content = file.read_bytes()
    if content.startswith(_GZIP_MAGIC):
        try:
            # One byte more than there should be tells a file that is too long.
            with gzip.open(file) as stream:
                content = stream.read(4 + 4 * len(shape) + math.prod(shape) + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                explain(
                    where,
                    expected=f"a whole gzip file in {file}",
                    received=f"a damaged one ({error})",
                    action="Delete it and put a fresh copy in its place.",
                )
            ) from error
    magic = bytes([0, 0, _UNSIGNED_BYTE, len(shape)])
    header = magic + np.array(shape, ">u4").tobytes()
    expected_size = len(header) + math.prod(shape)
    if not content.startswith(header) or len(content) != expected_size:
        raise ValueError(
            explain(
                where,
                expected=f"IDX bytes of shape {shape} in {file}: the header {header.hex(' ', 4)} "
                f"and {expected_size} bytes in all",
                received=f"{content[: len(header)].hex(' ', 4) or 'nothing'} "
                f"and {len(content)} bytes in all",
                action="Delete it and put a fresh copy in its place.",
            )
        )
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy()
