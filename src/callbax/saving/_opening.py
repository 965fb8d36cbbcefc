"""Opening files so that every failure says which file it was and what is wrong with it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from callbax._core._errors import explain
from callbax.saving._atomic import PathLike, unusable


@contextmanager
def reading(path: PathLike, *, where: str, expected: str) -> Iterator[IO[bytes]]:
    """Opens a file and turns whatever reading it raises into an error that names it.

    Args:
        path: The file.
        where: The public call to name in an error, without backticks.
        expected: What kind of file it should be.

    Yields:
        The file, open for reading bytes.

    Raises:
        OSError: The file is missing, or it is damaged, cut short or of another kind.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115  closed below; opening fails in its own words
    except OSError as error:
        raise unusable(where, path, expected, error) from error
    with file:
        try:
            yield file
        # Parsers meet damaged bytes with almost any exception.
        except Exception as error:
            raise OSError(
                explain(
                    where,
                    expected=f'{expected} at "{os.fspath(path)}"',
                    received=f"{_size(file)}, which cannot be read as one: {_first_line(error)}",
                    action="The file is damaged, cut short or of another kind. Nothing was "
                    "changed; take another copy.",
                )
            ) from error


def _size(file: IO[bytes]) -> str:
    size = os.fstat(file.fileno()).st_size
    return f"a file of {size} bytes" if size else "an empty file"


def _first_line(error: Exception) -> str:
    text = (str(error) or type(error).__name__).strip().splitlines()[0]
    return text.rstrip(".")
