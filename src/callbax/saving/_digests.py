"""Checksums of what weights files hold: numbers, dtypes, shapes and keys."""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = "2"
"""How digests are made. They start with it, so that a later way can be told from a damaged file.
The first way, a bare CRC-32 of an array's key and bytes, said nothing of its dtype and shape."""


def digest(key: str, array: NDArray[Any]) -> str:
    """Returns a text that tells an array under its key from any other, damaged ones among them."""
    # A file may say in one bit that its numbers are of the other byte order: they are compared.
    little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
    about = f"{key}\0{array.dtype.name}\0{array.shape}".encode()
    return _text(zlib.crc32(little.reshape(-1).view(np.uint8).data, zlib.crc32(about)))


def digest_of_keys(keys: Iterable[str]) -> str:
    """Returns a text that tells the list of all keys of a file from any other."""
    return _text(_checksum_of_keys(keys))


def need_same_keys(written: str | None, digests: Mapping[str, str | None]) -> None:
    """Raises unless the arrays of a file are those that were written.

    Args:
        written: The digest of their keys in the file; None if it has none.
        digests: Key -> the array's digest in the file; None if it has none.

    Raises:
        ValueError: They are others, or some have lost their digests.
    """
    have = [digest is not None for digest in digests.values()]
    if written is None and not any(have):
        return  # Keras writes none
    if written is None or not all(have):
        raise ValueError("checksums of some arrays are missing")
    _need(written, digest_of_keys(digests), "the list of arrays")


def need_intact(key: str, array: NDArray[Any], written: str | None) -> None:
    """Raises unless an array has the digest that was written with it; Keras writes none."""
    if written is not None:
        _need(written, digest(key, array), f'the array "{key}"')


def need_same_keys_v1(keys: Iterable[str], written: int | None) -> None:
    """Raises unless the keys of a file of an older callbax are those that were written."""
    if written is not None and _checksum_of_keys(keys) != written:
        raise ValueError("the list of arrays has changed since it was written")


def need_intact_v1(key: str, array: NDArray[Any], written: int | None) -> None:
    """Raises unless an array of a file of an older callbax is the one that was written."""
    if written is None:
        return
    if zlib.crc32(np.ascontiguousarray(array).tobytes(), zlib.crc32(key.encode())) != written:
        raise ValueError(f'the array "{key}" has changed since it was written')


def _need(written: str, expected: str, what: str) -> None:
    version = written.partition(":")[0]
    if version != VERSION:
        raise ValueError(f'{what} has a checksum of the unknown version "{version}"')
    if written != expected:
        raise ValueError(f"{what} has changed since it was written")


def _checksum_of_keys(keys: Iterable[str]) -> int:
    return zlib.crc32("\n".join(sorted(keys)).encode())


def _text(checksum: int) -> str:
    return f"{VERSION}:{checksum:08x}"
