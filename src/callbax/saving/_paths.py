"""Paths that callbacks write to: checked early, and named where writing fails."""

import os
import string
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callbax._core._errors import explain
from callbax._core._temporaries import remove_abandoned


class PathTemplate:
    """A path with fields that are filled in for each file: ``"{epoch:02d}-{val_loss:.2f}.h5"``.

    Args:
        text: The path; its fields are those of ``str.format``, by name.
        owner: Class name of the callback, for messages.

    Attributes:
        text: The path with its fields.
        fields: Their names.

    Raises:
        ValueError: The fields cannot be read, or one has no name.

    Example:
        >>> template = PathTemplate("run/{epoch:02d}.weights.h5", owner="ModelCheckpoint")
        >>> template.fields, template.directory, template.fill({"epoch": 3})
        (('epoch',), 'run', 'run/03.weights.h5')
    """

    def __init__(self, text: str, *, owner: str) -> None:
        self.text, self._owner = text, owner
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
            problem = "a field without a name" if any(not name for name in names) else None
        except ValueError as error:
            names, problem = [], str(error)
        if problem or any(name[0].isdigit() for name in names):
            raise ValueError(
                explain(
                    f"{owner}(filepath={text!r})",
                    expected="a path with fields such as {epoch:02d} or {val_loss:.2f}",
                    received=problem or "a field that is a number",
                    action="Write {{ and }} for braces that are part of the name.",
                )
            )
        self.fields = tuple(dict.fromkeys(name.split(".")[0].split("[")[0] for name in names))
        self._check_formats()

    def _check_formats(self) -> None:
        """Raises for a format that nothing the field may hold can be written in."""
        for _, name, form, conversion in string.Formatter().parse(self.text):
            if name is None or name not in self.fields or conversion or "{" in (form or ""):
                continue
            values = (1,) if name in ("epoch", "batch") else (1.0, 1, "")
            if not any(_formats(value, form or "") for value in values):
                raise ValueError(
                    explain(
                        f"{self._owner}(filepath={self.text!r})",
                        expected="formats for numbers, as in {epoch:02d} or {val_loss:.2f}",
                        received=f"{form!r} for `{name}`",
                        action="Whole numbers take `d`, others `f`, `e` or `g`.",
                    )
                )

    @property
    def directory(self) -> str:
        """The directory of all files, as far as it has no fields; empty for the current one."""
        return os.path.dirname(self.text.partition("{")[0])

    def fill(self, values: Mapping[str, Any]) -> str:
        """Returns the path of one file.

        Raises:
            KeyError: A field is not among the values.
        """
        try:
            return self.text.format(**values)
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.text}". Reason: {error}'
            ) from None


def _formats(value: object, form: str) -> bool:
    try:
        format(value, form)
    except (TypeError, ValueError):
        return False
    return True


def check_directory(directory: str, *, where: str) -> None:
    """Makes a directory if need be and sees that files can be written there.

    What writers that were killed left there is removed.

    Args:
        directory: Its path; empty for the current one.
        where: The public call to name in an error, without backticks.

    Raises:
        OSError: It cannot be made or written to; the subclass is that of the cause.
    """
    try:
        if directory:
            os.makedirs(directory, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory or None) as probe:
            probe.write(b"\0")
        remove_abandoned(Path(directory))
    except OSError as error:
        _raise(error, where, "a directory that can be written to", "Pass another path.")


def check_no_directory(path: str, *, owner: str, argument: str) -> None:
    """Raises if a directory is where a file is to be written.

    Raises:
        IsADirectoryError: There is a directory at that path.
    """
    if os.path.isdir(path):
        raise IsADirectoryError(
            explain(
                f"{owner}({argument}={path!r})",
                expected="the path of a file",
                received="an existing directory",
                action=f"Please specify a non-directory {argument} for {owner}.",
            )
        )


def remove_files(directory: str, *names: str) -> None:
    """Removes files, then the directory if nothing else is in it; a directory inside it stays."""
    for name in names:
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            os.remove(path)
    if os.path.isdir(directory) and not os.listdir(directory):
        os.rmdir(directory)


@contextmanager
def saving(path: str, *, owner: str) -> Iterator[None]:
    """Names the callback and the path in an error of what is written inside.

    Args:
        path: What is being written.
        owner: Class name of the callback.

    Raises:
        OSError: Writing failed; the subclass is that of the cause.
    """
    try:
        yield
    except OSError as error:
        _raise(
            error,
            f"{owner}({path!r})",
            "a file that can be written",
            "What was saved there before is still there. Free some space, or save elsewhere.",
        )


def _raise(error: OSError, where: str, expected: str, action: str) -> None:
    if type(error).__module__ != "builtins":  # As of a library that saves elsewhere: it knows more.
        error.add_note(f"Raised for {where}.")
        raise error
    root = error
    while isinstance(root.__cause__, OSError):
        root = root.__cause__
    cause = f"{type(root).__name__}: {root.strerror or root}"
    message = explain(where, expected=expected, received=cause, action=action)
    # With its number it becomes the subclass of the cause again, as `except` clauses expect.
    raise (OSError(message) if error.errno is None else OSError(error.errno, message)) from error
