"""A whole fit in one output of a notebook's cell: what was printed, a table of epochs, a bar."""

import html
import importlib
import sys
import time
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from callbax._core._markup import fixed, table
from callbax.callbacks._terminal._display import BAR, Segments, is_notebook

_REFRESH_SECONDS = 0.1
_CHARACTERS_PER_SECOND = 2e6
"""How much may be sent to the browser; a longer output is sent again less often."""
_MOST_ROWS = 100
"""Rows of the table that are shown, the last ones."""


def open_sheet() -> "Sheet | None":
    """Returns a sheet if the current standard output is a notebook's, else None."""
    return Sheet() if is_notebook(sys.stdout) else None


class Sheet:
    """One output of a cell, and the place of what is printed meanwhile: above the table."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._printed: list[str] = [""]
        self._rows: list[dict[str, str]] = []
        self._line: list[tuple[str, str]] = []
        self._due, self._pending = 0.0, False
        self._stdout = sys.stdout
        self._above = _Above(self, self._stdout)
        sys.stdout = self._above
        # A loop that died without `teardown` must not swallow what is printed after it.
        weakref.finalize(self, _give_back, self._above, self._stdout)

    def line(self, title: str) -> "SheetLine":
        """Returns a display below the table.

        Args:
            title: What each of its lines begins with.
        """
        return SheetLine(self, title)

    def draw_line(self, line: Segments) -> None:
        """Shows a line below the table in place of the one before."""
        self._line = list(line)
        self._draw(_REFRESH_SECONDS)

    def add(self, row: Mapping[str, str]) -> None:
        """Puts one more row at the end of the table, in place of the line.

        Args:
            row: Column -> text.
        """
        self._rows.append(dict(row))
        self._line = []
        self._draw(_REFRESH_SECONDS)

    def print(self, text: str) -> None:
        """Puts text above the table."""
        first, *others = text.split("\n")
        self._printed[-1] += first
        for line in others:
            self._printed[-1] = _as_seen(self._printed[-1])
            self._printed.append(line)
        self._draw(0.0)

    def close(self) -> None:
        """Leaves the output as it is, and gives the standard output back."""
        _give_back(self._above, self._stdout)
        if self._pending:
            self._due = 0.0
            self._draw(0.0)

    def _draw(self, pause: float) -> None:
        """Sends the output to the browser, unless it was sent just now."""
        now = time.perf_counter()
        self._pending = now < self._due
        if self._pending:
            return
        data = {"text/plain": self._text(), "text/html": self._html()}
        if self._handle is None:
            display = importlib.import_module("IPython.display").display
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)
        self._due = now + max(pause, len(data["text/html"]) / _CHARACTERS_PER_SECOND)

    def _columns(self) -> list[str]:
        """Returns epoch, each metric and its ``val_`` one, the loss first, and the time."""
        found = dict.fromkeys(name for row in self._rows for name in row)
        return sorted(found, key=_rank)

    def _cells(self) -> list[list[str]]:
        columns = self._columns()
        return [[row.get(name, "") for name in columns] for row in self._rows[-_MOST_ROWS:]]

    def _left_out(self) -> str:
        count = len(self._rows) - _MOST_ROWS
        return f"{count} earlier epochs are in `history`" if count > 0 else ""

    def _messages(self) -> str:
        *lines, last = self._printed
        return "\n".join([*lines, _as_seen(last)]).removesuffix("\n")

    def _text(self) -> str:
        parts = [self._messages(), self._left_out()]
        if self._rows:
            rows = [self._columns(), *self._cells()]
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            parts += ["  ".join(map(str.rjust, row, widths)) for row in rows]
        parts.append("".join(text for text, _ in self._line))
        return "\n".join(part for part in parts if part)

    def _html(self) -> str:
        parts = [fixed(self._messages())] if self._messages() else []
        if self._rows:
            parts.append(table(self._columns(), self._cells(), title=self._left_out()))
        if self._line:
            pieces = "".join(map(_piece, self._line))
            parts.append(f'<div style="font-family:monospace">{pieces}</div>')
        return "".join(parts)


class SheetLine:
    """The bar below the table.

    Args:
        sheet: Where it is.
        title: What each line begins with.
    """

    bar = BAR

    def __init__(self, sheet: Sheet, title: str) -> None:
        self._sheet, self._title = sheet, title

    def draw(self, line: Segments) -> None:
        """Shows this line instead of the one before."""
        self._sheet.draw_line([(f"{self._title} ", ""), *line] if self._title else line)

    def close(self) -> None:
        """Leaves the line as it is."""


class _Above:
    """A standard output whose text comes above the table; all else is that of the one before.

    Args:
        sheet: Where the table is; what is written once it is gone goes to the output before.
        out: The output before.
    """

    def __init__(self, sheet: Sheet, out: Any) -> None:
        self._sheet, self._out = weakref.ref(sheet), out

    def write(self, text: str) -> int:
        sheet = self._sheet()
        if sheet is None:
            self._out.write(text)
        else:
            sheet.print(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


def _as_seen(line: str) -> str:
    """Returns a line as a terminal shows it: what was written over is gone, and so are colours."""
    seen = line.rstrip("\r").rpartition("\r")[2]
    return Text.from_ansi(seen).plain if "\x1b" in seen else seen


def _give_back(above: _Above, out: Any) -> None:
    if sys.stdout is above:  # else somebody else has it, who will give it back
        sys.stdout = out


def _rank(name: str) -> tuple[int, str, bool]:
    base = name.removeprefix("val_")
    place = {"epoch": 0, "loss": 1, "learning_rate": 3, "time": 4}.get(base, 2)
    return place, base, name != base


def _piece(segment: tuple[str, str]) -> str:
    text, style = segment
    color = {"green": "color:green", "bright_black": "color:silver"}.get(style, "")
    return f'<span style="white-space:pre-wrap;{color}">{html.escape(text)}</span>'
