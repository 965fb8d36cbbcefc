"""Progress through one epoch, evaluation or prediction, as a line of text."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from callbax._core._hooks import Logs
from callbax.callbacks._terminal._console import print_message
from callbax.callbacks._terminal._display import Display

_WIDTH = 20
_REFRESH_SECONDS = 0.05


class Progress:
    """Counts steps and times them; redraws a display now and then, or prints once at the end.

    Args:
        target: Number of steps, None if unknown.
        display: Where to redraw; None prints one line at the end.

    Source: the layout is that of ``keras.utils.Progbar``.
    """

    def __init__(self, target: int | None, display: Display | None) -> None:
        self.seen = 0
        self._skipped = 0
        self._target = target
        self._display = display
        self._logs: Logs | None = None
        self._start = time.perf_counter()
        self._first_end: float | None = None
        self._due = 0.0  # The first step is always looked at: it holds the compilation.
        self._draw()

    def skip(self, steps: int) -> None:
        """Counts steps that an earlier run has done, and does not time them."""
        self.seen = self._skipped = steps

    def step(self, seen: int, logs: Logs | None) -> None:
        """Records a step; this is on the path of every batch.

        Args:
            seen: Number of steps done.
            logs: Values to show; read only when the line is redrawn.
        """
        self.seen = seen
        self._logs = logs
        now = time.perf_counter()
        if now >= self._due:
            if self._first_end is None:
                self._first_end = now
            self._due = now + _REFRESH_SECONDS if self._display else math.inf
            self._draw()

    def finish(self, logs: Logs | None) -> None:
        """Shows the line for the last time.

        Args:
            logs: Final values to show.
        """
        self._logs = logs
        self._target = self._target or self.seen
        if self._display is None:
            times = f"{self._elapsed()} - {self._step_time()}"
            print_message(f"{self._count()} - {times}{self._metrics()}")
        else:
            self._draw(final=True)
            self._display.close()

    def close(self) -> None:
        """Lets go of the display before the end, leaving the line at the last step."""
        if self._display is not None:
            self._draw()
            self._display.close()

    def _draw(self, final: bool = False) -> None:
        if self._display is not None:
            self._display.draw(self._segments(self._display.bar, final))

    def _segments(self, bar: str, final: bool) -> Iterator[tuple[str, str]]:
        total = self._total()
        yield f"{self._count()} ", "bold"
        if total:
            done = _WIDTH * self.seen // total
            yield bar[0] * done, "green"
            yield bar[1] * (_WIDTH - done), "bright_black"
        if self.seen or final:
            left = self._seconds_per_step() * (total - self.seen) if total else 0.0
            yield f" {_clock(left) if total and not final else self._elapsed()}", "bold"
            yield f" {self._step_time()}{self._metrics()}", ""

    def _total(self) -> int | None:
        # If data turn out longer than was said, the bar is full rather than wrong.
        return max(self._target, self.seen) if self._target else None

    def _count(self) -> str:
        total = self._total()
        return f"{self.seen:{len(str(total))}d}/{total}" if total else f"{self.seen:7d}/Unknown"

    def _elapsed(self) -> str:
        return f"{time.perf_counter() - self._start:.0f}s"

    def _seconds_per_step(self) -> float:
        """Mean over all steps but the first, which holds the compilation, if there are others."""
        timed = self.seen - self._skipped
        if self._first_end is not None and timed > 1:
            return (time.perf_counter() - self._first_end) / (timed - 1)
        return (time.perf_counter() - self._start) / timed if timed else 0.0

    def _step_time(self) -> str:
        seconds = self._seconds_per_step()
        if seconds >= 1 or seconds == 0:
            return f"{seconds:.0f}s/step"
        return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/step"

    def _metrics(self) -> str:
        logs = self._logs or {}
        return "".join(f" - {name}: {_shown(value)}" for name, value in logs.items())


def _clock(seconds: float) -> str:
    minutes, whole = divmod(int(seconds), 60)
    if seconds <= 60:
        return f"{int(seconds)}s"
    if seconds <= 3600:
        return f"{minutes}:{whole:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"


def _shown(value: Any) -> str:
    try:
        mean = float(np.mean(value))
    except (TypeError, ValueError):
        return str(value)
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"
