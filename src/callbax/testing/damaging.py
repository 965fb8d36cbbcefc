"""Files that something has happened to."""

import os
from pathlib import Path
from typing import Literal, get_args

from callbax._core._arguments import is_whole, one_of
from callbax._core._errors import describe, explain

Damage = Literal["flip", "truncate", "empty", "delete", "directory"]
"""What may happen to a file; see `damage`."""


def damage(path: str | os.PathLike[str], how: Damage, at: int | None = None) -> None:
    """Damages a file, to see that what reads it tells, or has another one to go by.

    Args:
        path: The file.
        how: ``"flip"`` changes one bit, ``"truncate"`` cuts it, ``"empty"`` leaves it without
            content, ``"delete"`` removes it, and ``"directory"`` puts an empty directory in its
            place.
        at: For ``"flip"`` the byte, for ``"truncate"`` how many bytes stay; less than 0 counts from
            the end. None is the middle. The others take none.

    Raises:
        ValueError: `how` is not one of these, or there is no such byte; nothing was changed.
        OSError: There is no such file.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "log")
        >>> _ = path.write_bytes(b"abcd")
        >>> damage(path, "flip", at=0)
        >>> path.read_bytes()
        b'`bcd'
        >>> damage(path, "truncate")
        >>> path.read_bytes()
        b'`b'
    """
    one_of("damage", "how", how, get_args(Damage))
    file = Path(path)
    content = bytearray(file.read_bytes())
    if at is not None and how not in ("flip", "truncate"):
        raise _no_place(how, at, "no place, as it concerns the whole file")
    place = _place(how, at, len(content))
    if how == "flip":
        content[place] ^= 1
        file.write_bytes(content)
    elif how == "truncate":
        os.truncate(file, place)
    elif how == "empty":
        os.truncate(file, 0)
    else:
        file.unlink()
        if how == "directory":
            file.mkdir()


def _place(how: str, at: int | None, size: int) -> int:
    """Returns the byte that is meant; the checked one."""
    if at is None and (size or how != "flip"):
        return size // 2
    if at is not None and is_whole(at) and -size <= at < size:
        return at % size
    raise _no_place(how, at, f"a byte of a file that has {size}")


def _no_place(how: str, at: object, expected: str) -> ValueError:
    return ValueError(
        explain(
            f"damage(how={how!r}, at={at!r})",
            expected=expected,
            received=describe(at),
            action="Leave out `at`, or pass a byte that the file has.",
        )
    )
