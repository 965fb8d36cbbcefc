"""Where a progress line is redrawn in place: in a terminal or in a notebook."""

import contextlib
import importlib
import sys
import weakref
from collections.abc import Iterable
from typing import Protocol

import rich
from rich.errors import LiveError
from rich.live import Live
from rich.text import Text

from callbax.callbacks._terminal._console import showable

Segments = Iterable[tuple[str, str]]
"""Pieces of text, each with a rich style."""

BAR = "━─"
"""What is done and what is left, if the output can show it."""


class Display(Protocol):
    """One line (or several, if it is too long for the screen) that changes in place."""

    bar: str
    """Two characters: what is done and what is left. They differ without colours too."""

    def draw(self, line: Segments) -> None:
        """Shows this line instead of the one before."""

    def close(self) -> None:
        """Leaves the line as it is and lets go of the screen."""


def open_display() -> Display | None:
    """Returns a display if the current standard output can redraw, else None."""
    stdout = sys.stdout
    if is_notebook(stdout):
        return _NotebookDisplay()
    try:
        # Not `console.is_terminal` alone: FORCE_COLOR makes it true for a file as well.
        if getattr(stdout, "isatty", lambda: False)():
            console = rich.get_console()
            if console.is_terminal and not console.is_dumb_terminal:
                return _TerminalDisplay()
    except (LiveError, OSError, ValueError):
        # It is closed or gone, or rich before 14.1 is to draw inside another live display.
        return None
    return None


def is_notebook(out: object) -> bool:
    """Returns whether a standard output is that of a notebook's cell."""
    return type(out).__module__.partition(".")[0] == "ipykernel"


class _TerminalDisplay:
    """Draws with rich, which prints what others print meanwhile above the line."""

    def __init__(self) -> None:
        # The shared console, so that a rich display of the user's own and this one agree.
        console = rich.get_console()
        self._encoding = console.encoding
        self.bar = BAR if showable(BAR, self._encoding) == BAR else "=."
        self._live = Live(
            console=console, auto_refresh=False, redirect_stdout=True, redirect_stderr=True
        )
        self._gone = False
        self._live.start()
        # A loop that died without `teardown` must not leave the terminal without a cursor.
        weakref.finalize(self, self._live.stop)

    def draw(self, line: Segments) -> None:
        if self._gone:
            return
        pieces = ((showable(text, self._encoding), style) for text, style in line)
        try:
            self._live.update(Text.assemble(*pieces), refresh=True)
        except (OSError, ValueError):
            self._gone = True  # A terminal that was closed ends no run.

    def close(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._live.stop()


class _NotebookDisplay:
    """Draws into an output of the cell of its own, so that prints come above or below it."""

    bar = BAR

    def __init__(self) -> None:
        display = importlib.import_module("IPython.display").display
        self._handle = display({"text/plain": ""}, raw=True, display_id=True)

    def draw(self, line: Segments) -> None:
        text = "".join(piece for piece, _ in line)
        self._handle.update({"text/plain": text}, raw=True)

    def close(self) -> None:
        pass


class LineBelow:
    """Draws a line below one that stays as it is; closing it takes the line away again.

    Args:
        display: Where both are.
        above: The line that stays.
    """

    def __init__(self, display: Display, above: Segments) -> None:
        self._display, self._above = display, [*above, ("\n", "")]
        self.bar = display.bar

    def draw(self, line: Segments) -> None:
        self._display.draw([*self._above, *line])

    def close(self) -> None:
        self._display.draw(self._above[:-1])
