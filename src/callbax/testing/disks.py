"""A disk that fails."""

import builtins
import importlib
import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from errno import ENOSPC
from typing import Any
from unittest import mock

from callbax._core._arguments import count, optional_count

PathLike = str | os.PathLike[str]


class Writes:
    """Counts writes, and lets some of them fail; see `fail_writes`.

    Args:
        after: How many succeed first.
        errno: Number of the error that those after them raise.
        times: How many fail; None for all.
        within: The directory whose files count; None for all files.

    Attributes:
        seen: Writes that were asked for.
        failed: Those that failed.
    """

    def __init__(self, after: int, errno: int, times: int | None, within: PathLike | None) -> None:
        self.seen = self.failed = 0
        self._after, self._errno, self._times = after, errno, times
        self._within = None if within is None else os.path.realpath(within)
        self._lock = threading.Lock()

    def fails(self, path: object) -> bool:
        """Counts a write; returns whether it is to fail.

        Args:
            path: The file, or its descriptor.
        """
        if not self._counts(path):
            return False
        with self._lock:
            self.seen += 1
            due = self.seen > self._after and self.failed != self._times
            self.failed += due
        return due

    def error(self, path: object) -> OSError:
        """Returns the error of a write that fails."""
        return OSError(self._errno, os.strerror(self._errno), path)

    def checked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function of `os` whose first argument is a file, as one that may fail."""

        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self.fails(path):
                raise self.error(path)
            return function(path, *args, **kwargs)

        return call

    def _counts(self, path: object) -> bool:
        if isinstance(path, int):
            if not stat.S_ISREG(os.fstat(path).st_mode):
                return False  # a pipe, or the terminal
            path = _path_of(path)
        if self._within is None or path is None:
            return True
        whole = os.path.realpath(os.fspath(path))  # type: ignore[call-overload]
        return bool(os.path.commonpath([whole, self._within]) == self._within)


@contextmanager
def fail_writes(
    after: int = 0,
    errno: int = ENOSPC,
    *,
    times: int | None = 1,
    within: PathLike | None = None,
) -> Iterator[Writes]:
    """Lets writes to the disk fail: what Python code asks the system for in this process.

    Those are writes to files that ``open`` has opened meanwhile, each with what its buffer holds,
    ``os.write``, ``os.fsync``, ``os.replace`` and ``os.rename``. A write to a file leaves the first
    half of its bytes there, as a full disk may. Libraries in C, as h5py, write by themselves and
    are not seen; `fill_disk` reaches them.

    Args:
        after: How many succeed first.
        errno: Number of the error that those after them raise, of Python's ``errno``.
        times: How many fail; None for all.
        within: The directory whose files count; None for all files, a compilation cache among
            them.

    Yields:
        The counter: ``writes.seen`` and ``writes.failed``.

    Raises:
        ValueError: A number is negative.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "log")
        >>> with fail_writes(after=1, within=path.parent) as writes:
        ...     for text in ("one", "two", "three"):
        ...         try:
        ...             _ = path.write_text(text)
        ...         except OSError as error:
        ...             print(text, error.strerror)
        two No space left on device
        >>> writes.seen, writes.failed, path.read_text()
        (3, 1, 'three')
    """
    writes = Writes(
        count("fail_writes", "after", after, least=0),
        count("fail_writes", "errno", errno),
        optional_count("fail_writes", "times", times),
        within,
    )
    with ExitStack() as patches:
        opened = _opener(writes)
        for module in (builtins, io):  # pathlib and zipfile take it from `io`
            patches.enter_context(mock.patch.object(module, "open", opened))
        for name in ("write", "fsync", "replace", "rename"):
            checked = writes.checked(getattr(os, name))
            patches.enter_context(mock.patch.object(os, name, checked))
        yield writes


@contextmanager
def fill_disk(free: int = 0) -> Iterator[None]:
    """Lets no file of this process grow beyond a size, as if the disk were full.

    It holds for libraries in C too. The error is "File too large" in place of "No space left on
    device"; both come in the middle of a write.

    Args:
        free: The size, in bytes.

    Raises:
        ValueError: The size is negative.
        ModuleNotFoundError: The system sets no such limits: Windows.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "log")
        >>> with fill_disk(2):
        ...     path.write_text("three")
        Traceback (most recent call last):
        OSError: [Errno 27] File too large
        >>> path.read_text()
        'th'
    """
    free = count("fill_disk", "free", free, least=0)
    resource: Any = importlib.import_module("resource")
    kind = resource.RLIMIT_FSIZE
    before = resource.getrlimit(kind)
    # The signal that comes with the error would end the process, but Python ignores it.
    resource.setrlimit(kind, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def _opener(writes: Writes) -> Callable[..., Any]:
    """Returns ``open`` with raw files that may fail; reading is left as it is."""
    usual = io.open

    class Raw(io.FileIO):
        failed = False

        def write(self, data: Any, /) -> int:
            # The buffer tries again when it is closed; that is the same write.
            if not self.failed:
                if not writes.fails(self.fileno()):
                    return super().write(data)
                self.failed = True
                super().write(memoryview(data)[: len(data) // 2])
            raise writes.error(self.name)

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if not set(mode) & set("wxa+"):
            return usual(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        buffer = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, size)
        if "b" in mode:
            return buffer
        text = io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering=buffering == 1)
        text.mode = mode  # type: ignore[misc]
        return text

    return opened


def _path_of(descriptor: int) -> str | None:
    """Returns the path of an open file; None if the system does not tell."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return None
