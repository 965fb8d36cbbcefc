"""A file whose failures wait until somebody asks for them."""

import io
from typing import IO, Any


class Unfailing(io.RawIOBase):
    """Writes to a file; once that fails, it takes what comes and writes nothing.

    HDF5 that meets a full disk in the middle of its work may bring the process down. So it never
    hears of it; whoever let it write asks `need_written` afterwards.

    Args:
        file: Open for reading and writing bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._error: OSError | None = None

    def need_written(self) -> None:
        """Raises the first failure, if there was one.

        Raises:
            OSError: Something could not be written.
        """
        if self._error is not None:
            raise self._error

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> int:
        if self._error is None:
            try:
                self._file.write(data)
            except OSError as error:
                self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        if self._error is None:
            try:
                return self._file.truncate(size)
            except OSError as error:
                self._error = error
        return size or 0

    def flush(self) -> None:
        if self._error is None:
            try:
                self._file.flush()
            except OSError as error:
                self._error = error
