"""Archives, unpacked to no more bytes than their own size justifies."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

EXPANSION = 100
"""How many times its own size an archive may unpack to."""
ROOM = 2**28
"""Bytes to which an archive may unpack in any case."""
DAMAGES = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    MemoryError,
    NotImplementedError,
    RuntimeError,  # a zip file with a password
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""What reading a damaged archive may raise."""
_DEFLATE_AT_MOST = 1032
"""How many bytes deflate makes of one at most (https://zlib.net/zlib_tech.html)."""
_CHUNK_BYTES = 2**20
_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}


class ExplodingError(ValueError):
    """An archive wants to become larger than its size justifies."""


def zip_member(archive: zipfile.ZipFile, name: str, *, room: int = ROOM) -> bytes:
    """Returns a member of a zip file, compared with its checksum.

    Args:
        archive: The zip file, open for reading.
        name: The member's name.
        room: Bytes that it may have in any case.

    Raises:
        KeyError: There is no such member.
        ExplodingError: It would become too large, or is compressed in a way that cannot be bounded.
        Exception: It is damaged: one of `DAMAGES`.
    """
    info, stored = archive.getinfo(name), stored_bytes(archive, name)
    check_zip_member(info)
    limit = max(room, EXPANSION * stored)
    if info.file_size > limit:
        raise ExplodingError(f'"{name}" says that it grows from {stored} to {info.file_size} bytes')
    chunks = []
    # In one go zipfile would unpack everything before it looks at the size that was promised.
    with archive.open(info) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            chunks.append(chunk)
    return b"".join(chunks)


def zip_member_at_most(archive: zipfile.ZipFile, name: str) -> int:
    """Returns how many bytes a member can have, whatever it says of itself; 0 if there is none."""
    if name not in archive.namelist():
        return 0
    info = archive.getinfo(name)
    expansion = 1 if info.compress_type == zipfile.ZIP_STORED else _DEFLATE_AT_MOST
    return min(info.file_size, expansion * stored_bytes(archive, name))


def stored_bytes(archive: zipfile.ZipFile, name: str) -> int:
    """Returns how many bytes a member takes in a zip file, whatever it says of itself."""
    file: Any = archive.fp
    position = file.tell()
    whole = file.seek(0, os.SEEK_END)
    file.seek(position)
    return min(archive.getinfo(name).compress_size, int(whole))


def check_zip_member(info: zipfile.ZipInfo) -> None:
    """Raises unless a member is compressed by deflate or not at all.

    zipfile unpacks bzip2 and LZMA in whole blocks, of which one may hold gigabytes.
    """
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ExplodingError(f'"{info.filename}" is compressed by another method than deflate')


@contextmanager
def tar_archive(file: Path, *, room: int = ROOM) -> Iterator[tarfile.TarFile]:
    """Opens a tar file, compressed by gzip, bzip2, xz or not at all.

    Args:
        file: Where it is.
        room: Bytes that it may unpack to in any case.

    Yields:
        The archive. Reading more of it than is allowed raises `ExplodingError`.

    Raises:
        Exception: It is damaged or no tar file: one of `DAMAGES`.
    """
    with file.open("rb") as raw:
        head = raw.read(6)
        raw.seek(0)
        found = (opener for magic, opener in _COMPRESSED.items() if head.startswith(magic))
        opener: Any = next(found, None)
        stream = raw if opener is None else opener(raw)
        limit = max(room, EXPANSION * file.stat().st_size)
        bounded: Any = Bounded(stream, limit)
        with stream, tarfile.open(fileobj=bounded, mode="r:") as archive:
            yield archive


class Bounded(io.RawIOBase):
    """A stream that may be read up to a limit.

    Args:
        stream: The stream.
        limit: How many.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._limit = stream, limit

    def read(self, size: int = -1) -> bytes:
        """Returns the next bytes.

        Raises:
            ExplodingError: They lie beyond the limit.
        """
        left = self._limit - self._stream.tell()
        data = self._stream.read(left + 1 if size is None or size < 0 else min(size, left + 1))
        if len(data) > left:
            raise self._too_large()
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place.

        Raises:
            ExplodingError: It lies beyond the limit.
        """
        if whence == os.SEEK_SET and offset > self._limit:
            raise self._too_large()
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Returns the place where it stands."""
        return self._stream.tell()

    def readable(self) -> bool:
        """Returns that it can be read."""
        return True

    def seekable(self) -> bool:
        """Returns that it can be moved."""
        return True

    def _too_large(self) -> ExplodingError:
        return ExplodingError(f"it grows to more than {self._limit} bytes")
