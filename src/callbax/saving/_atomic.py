"""Files that are there whole or not at all."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from callbax._core._errors import explain
from callbax._core._temporaries import temporaries, temporary_file

__all__ = ["PathLike", "replacing", "temporaries", "unusable"]

PathLike = str | os.PathLike[str]


@contextmanager
def replacing(path: PathLike, *, where: str, overwrite: bool = True) -> Iterator[Path]:
    """Gives a temporary file that becomes the one at a path when the block ends without an error.

    Whatever happens, a reader finds the old file or the new one: the temporary file lies in the
    same directory, reaches the disk before it takes the other's place in one step, and that step
    reaches the disk before this function returns. An error removes the temporary file. A process
    that is killed leaves at most a file called ``.<name>.<letters>.callbax.tmp``, which nothing
    reads and the next save into the same directory removes.

    Args:
        path: The file to write. A link is followed, permissions of an old file are kept.
        where: The public call to name in an error, without backticks.
        overwrite: Whether an old file may be replaced.

    Yields:
        The path of the temporary file, empty; write to it and close it.

    Raises:
        OSError: The file cannot be written; the old one is as it was.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     with replacing(Path(directory, "best.txt"), where="save") as temporary:
        ...         _ = temporary.write_text("0.25")
        ...     Path(directory, "best.txt").read_text(), len(os.listdir(directory))
        ('0.25', 1)
    """
    # The link's target: replacing a link by a file would part the two.
    target = Path(os.path.realpath(path))
    mode = _check_target(target, path, where, overwrite=overwrite)
    try:
        with temporary_file(target) as temporary:
            if mode is not None:
                temporary.chmod(mode)
            yield temporary
            _to_disk(temporary)
            os.replace(temporary, target)
        # Some systems cannot open a directory; there the file is whole all the same.
        with suppress(OSError):
            _to_disk(target.parent)
    except OSError as error:
        raise unusable(where, path, "a place to write to", error) from error


def unusable(where: str, path: PathLike, expected: str, error: OSError) -> OSError:
    """Builds the error for a path that the system refuses, of the class that it raised.

    Args:
        where: The public call at fault, without backticks.
        path: What the user passed.
        expected: What the path should have been.
        error: What the system raised.
    """
    reason = error.strerror or str(error)
    message = explain(
        where,
        expected=f'{expected} at "{os.fspath(path)}"',
        received=f'the error "{reason}"',
        action="Check that the directory exists and may be used, and that the disk has room.",
    )
    # With its number an OSError becomes FileNotFoundError, PermissionError and so on by itself.
    return OSError(error.errno, message) if error.errno else OSError(message)


def _check_target(target: Path, path: PathLike, where: str, *, overwrite: bool) -> int | None:
    """Returns the permissions of the old file, if there is one that may be replaced."""
    shown = f'"{os.fspath(path)}"'
    try:
        status = target.stat()
    except OSError:
        return None  # creating the temporary file meets the same obstacle, if it is one
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(
            explain(
                where,
                expected="the path of a file",
                received=f"the directory {shown}",
                action="Add a file name.",
            )
        )
    if not overwrite:
        raise FileExistsError(
            explain(
                where,
                expected="a path without a file, as overwrite=False",
                received=f"{shown}, which exists",
                action="Pass overwrite=True to replace it, or another path.",
            )
        )
    return stat.S_IMODE(status.st_mode)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
