"""Temporary files that are known as abandoned once the process that wrote them is gone."""

import errno
import glob
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows; there the age of a file decides
    fcntl = None

TOKEN_BYTES = 4
END = ".callbax.tmp"
ABANDONED_SECONDS = 24 * 3600
"""How long after its last change a temporary file counts as abandoned if the file system keeps no
locks: no save takes so long."""
_TOKEN = "[0-9a-f]" * (2 * TOKEN_BYTES)
_NAME = re.compile(rf"\..*\.{_TOKEN}{re.escape(END)}", re.DOTALL)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Gives an empty file beside a target, which is removed unless it was moved away.

    While the block runs, its process holds a lock on the file. The system drops the lock when
    the process ends, however it ends, and the next writer to the directory removes the file.

    Args:
        target: What the file will be renamed to.

    Yields:
        The path of the file; write to it, close it, rename it.

    Raises:
        OSError: It cannot be made.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     with temporary_file(Path(directory, "best.txt")) as temporary:
        ...         len(os.listdir(directory))
        ...     os.listdir(directory)
        1
        []
    """
    remove_abandoned(target.parent)
    _remove_of_older_versions(target)
    temporary, descriptor = _locked(target)
    try:
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink()
        os.close(descriptor)


def remove_abandoned(directory: Path) -> None:
    """Removes the temporary files in a directory whose writers were killed.

    Args:
        directory: The directory; one that cannot be read is left alone.
    """
    with suppress(OSError), os.scandir(directory or ".") as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name):
                with suppress(OSError):  # another process may be doing the same
                    _remove_if_abandoned(Path(entry.path))


def temporaries(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Returns the temporary files for a path: of saves under way and of those that were killed."""
    target = Path(path)
    for end in (END, ".tmp"):
        yield from target.parent.glob(f".{glob.escape(target.name)}.{_TOKEN}{end}")


def _locked(target: Path) -> tuple[Path, int]:
    """Makes a file and holds it; returns its path and the descriptor that has the lock."""
    while True:
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(TOKEN_BYTES)}{END}")
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(temporary, flags, 0o666)
        try:
            _take(descriptor, wait=True)
            # Another process may have looked between the two lines above and found no lock.
            if os.fstat(descriptor).st_nlink:
                return temporary, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(descriptor: int, *, wait: bool = False) -> bool | None:
    """Takes the lock of a file; returns whether that worked, None if there are no locks here."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def _remove_if_abandoned(path: Path) -> None:
    # Without O_NOFOLLOW a link of such a name would have what it points to opened.
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        free = _take(descriptor)
        if free or (free is None and _is_old(status)):
            path.unlink()
    finally:
        os.close(descriptor)


def _remove_of_older_versions(target: Path) -> None:
    """Removes a day later what was left by versions of callbax that held no locks."""
    for path in target.parent.glob(f".{glob.escape(target.name)}.{_TOKEN}.tmp"):
        with suppress(OSError):
            if _is_old(path.stat()):
                path.unlink()


def _is_old(status: os.stat_result) -> bool:
    return time.time() - status.st_mtime > ABANDONED_SECONDS
