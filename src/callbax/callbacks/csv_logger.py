"""Writing every epoch's logs to a CSV file."""

import csv
import io
import os
from collections.abc import Iterable
from typing import Any

from callbax._core._arguments import path
from callbax._core._errors import describe, explain
from callbax._core._hooks import Logs
from callbax._core._warnings import warn
from callbax.callbacks._callback import Callback, Execution, Processes
from callbax.callbacks._failures import OnFailure
from callbax.callbacks._settings import Setting
from callbax.saving._atomic import replacing

_MISSING = "NA"


def _character(owner: str, argument: str, value: Any) -> str:
    if isinstance(value, str) and len(value) == 1:
        return value
    raise ValueError(
        explain(
            f"{owner}({argument}={value!r})",
            expected="a string of one character",
            received=describe(value),
            action='Pass one such as "," or ";".',
        )
    )


class CSVLogger(Callback):
    """Writes one row per epoch to a CSV file: the epoch, then the logs.

    The columns are those of the first epoch, sorted. When a key appears later (validation every
    other epoch, a metric another callback adds) the file is replaced, in one step, by one with
    that column too and ``NA`` in the rows before it. The file is closed between epochs, so it is
    complete and readable at any time, also after an exception.

    Args:
        filename: Path of the file, in an existing directory.
        separator: String of one character between the values of a row.
        append: Whether to continue the file if there is one, under its own header; else it is
            replaced when training begins. A last row that was cut, as by a kill, is taken away
            first, with a warning.

    Attributes:
        keys: The columns after ``epoch``; None before they are known. Assign them after
            ``on_train_begin`` to write these and no others.

    Raises:
        TypeError: `filename` is not a path.
        ValueError: `separator` is not one character; or, when training begins, `append` is set
            and the file's first column is not ``epoch``.

    Differs from Keras: without validation there are no ``val_`` columns full of NA; keys that
    appear after the first epoch are not lost; `append` keeps to the columns of the file.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "log.csv")
        >>> callback = CSVLogger(path)
        >>> callback.on_train_begin()
        >>> callback.on_epoch_end(0, {"loss": 0.5})
        >>> callback.on_epoch_end(1, {"loss": 0.25, "val_loss": 0.75})
        >>> print(path.read_text())
        epoch,loss,val_loss
        0,0.5,NA
        1,0.25,0.75
    """

    execution: Execution = "fused"
    processes: Processes = "first"
    adds_logs: tuple[str, ...] | None = ()
    on_failure: OnFailure = "warn"
    filename: Setting[str] = Setting(path)
    sep: Setting[str] = Setting(_character, argument="separator")

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = filename
        self.sep = separator
        self.append = append
        self._columns: list[str] = []
        self._has_header = self._chosen = False

    @property
    def keys(self) -> list[str] | None:
        """The columns after the epoch's."""
        return self._columns[1:] or None

    @keys.setter
    def keys(self, keys: Iterable[str] | None) -> None:
        self._columns = [] if keys is None else ["epoch", *keys]
        self._chosen = keys is not None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the file, or reads the header of the one to continue."""
        self.keys = None
        with open(self.filename, "a" if self.append else "w", encoding="utf-8"):
            pass  # A path that cannot be written is known now and not after the first epoch.
        self._mend()
        self._read_columns()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the epoch's row."""
        row = {"epoch": epoch, **(logs or {})}
        new = sorted(row.keys() - {"epoch", *self._columns})
        if not self._has_header:
            self._columns = self._columns or ["epoch", *new]
            self._append([self._columns])
            self._has_header = True
        elif new and not self._chosen:
            self._widen(new)
        self._append([[_cell(row.get(column, _MISSING)) for column in self._columns]])

    def state_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint must hold: the text of the file so far."""
        with open(self.filename, newline="", encoding="utf-8") as file:
            return {"text": file.read()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Puts the file back as it was recorded; call it after ``on_train_begin``.

        Rows that were written after the record are dropped: the resumed run writes them again.
        """
        self._replace(state["text"])
        self._read_columns()

    def _mend(self) -> None:
        """Takes a last line away that was cut; one that only lacks its end gets it."""
        with open(self.filename, newline="", encoding="utf-8", errors="replace") as file:
            text = file.read()
        lines = text.splitlines(keepends=True)
        if not lines or lines[-1].endswith("\n"):
            return
        *whole, last = lines
        if last.endswith("\r"):
            text += "\n"
        elif not whole:
            # A header of ours, which may have been cut, is written again.
            text = "" if last[:5] == "epoch"[: len(last)] else text
        elif whole[-1].endswith("\r\n") or self._cells(last) < self._cells(whole[0]):
            warn(
                f"CSVLogger({self.filename!r}, append=True): the last row was cut while it was "
                "written, and is taken away."
            )
            text = "".join(whole)
        else:
            text += "\n"  # Of another writer, which ends its lines otherwise.
        self._replace(text)

    def _cells(self, line: str) -> int:
        return len(next(csv.reader([line], delimiter=self.sep), []))

    def _read_columns(self) -> None:
        with open(self.filename, newline="", encoding="utf-8") as file:
            self._columns = next(csv.reader(file, delimiter=self.sep), [])
        self._has_header = bool(self._columns)
        if self._columns and self._columns[0] != "epoch":
            raise ValueError(
                explain(
                    f"CSVLogger({self.filename!r}, append=True)",
                    expected='a file whose first column is "epoch"',
                    received=f"one whose first column is {describe(self._columns[0])}",
                    action="Pass the separator the file was written with, another filename, or "
                    "`append=False` to replace it.",
                )
            )

    def _append(self, rows: Iterable[list[Any]]) -> None:
        with open(self.filename, "a", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=self.sep).writerows(rows)

    def _widen(self, new: list[str]) -> None:
        """Adds columns to the file."""
        with open(self.filename, newline="", encoding="utf-8") as file:
            _, *rows = csv.reader(file, delimiter=self.sep)
        self._columns += new
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.sep)
        writer.writerow(self._columns)
        writer.writerows([*row, *[_MISSING] * (len(self._columns) - len(row))] for row in rows)
        self._replace(text.getvalue())

    def _replace(self, text: str) -> None:
        """Replaces the file in one step: whoever reads it meets the old or the new, never half."""
        with replacing(self.filename, where=f"CSVLogger({self.filename!r})") as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")


def _cell(value: object) -> Any:
    """Writes a sequence into one cell, as Keras does."""
    has_axis = getattr(value, "ndim", 1) > 0  # An array without one is a number.
    if isinstance(value, Iterable) and has_axis and not isinstance(value, str):
        return f'"[{", ".join(map(str, value))}]"'
    return value
