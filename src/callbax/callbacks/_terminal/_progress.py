"""Progress through one epoch, evaluation or prediction, as a line of text."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from callbax._core._hooks import Logs
from callbax.callbacks._model_view import GaugeView
from callbax.callbacks._terminal._console import print_message
from callbax.callbacks._terminal._display import Display, LineBelow

_WIDTH = 20
_REFRESH_SECONDS = 0.05
_QUIET_SECONDS = 1.0
"""The least time between two lines in a file."""
_SILENT_SECONDS = 30.0
"""The most."""


class Progress:
    """Counts steps and shows them; redraws a display, or prints a line every so often.

    Args:
        target: Number of steps, None if unknown.
        display: Where to redraw; None prints lines.
        gauge: What tells how long steps take; None takes the time between calls of `step`.
        title: What the line begins with.
        silent: Whether nothing is printed before the end, if there is no display.
        outlook: Seconds left of this, None if unknown -> what to say of what comes after.

    Attributes:
        seen: Steps that are done.
        target: Number of steps, None if unknown.

    Source: the layout is that of ``keras.utils.Progbar``.
    """

    def __init__(
        self,
        target: int | None,
        display: Display | None,
        gauge: GaugeView | None = None,
        *,
        title: str = "",
        silent: bool = False,
        outlook: Callable[[float | None], str] | None = None,
    ) -> None:
        self.seen, self.target = 0, target
        self._skipped = 0
        self._display, self._gauge, self._title = display, gauge, title
        self._silent, self._outlook = silent and display is None, outlook
        self._logs: Logs | None = None
        self._start = self._printed = time.perf_counter()
        self._tenth = 0
        self._first_end: float | None = None
        self._due = 0.0  # The first step is always looked at: it may hold the compilation.
        if not title:  # A part of something greater appears once it has come to its steps.
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
        if now < self._due:
            return
        if self._first_end is None:
            self._first_end = now
        if self.target is None and self._gauge is not None:
            self.target = self._gauge.steps
        if self._display is not None:
            self._due = now + _REFRESH_SECONDS
            self._draw()
        elif self._silent:
            self._due = math.inf
        else:
            self._due = now + _QUIET_SECONDS
            self._print_if_due(now)

    def finish(self, logs: Logs | None) -> None:
        """Shows the line for the last time.

        Args:
            logs: Final values to show.
        """
        self._logs = logs
        self.target = self.target or self.seen
        if self._display is None:
            print_message(self._line(final=True))
        else:
            self._draw(final=True)
            self._display.close()

    def close(self) -> None:
        """Lets go of the display before the end, leaving the line at the last step."""
        if self._display is not None:
            self._draw()
            self._display.close()

    def below(self) -> Display | None:
        """Returns a display for a line below this one, which stays as it is meanwhile."""
        if self._display is None:
            return None
        return LineBelow(self._display, self._segments(self._display.bar, False))

    def _draw(self, final: bool = False) -> None:
        if self._display is not None:
            self._display.draw(self._segments(self._display.bar, final))

    def _print_if_due(self, now: float) -> None:
        """Prints a line if another tenth is done, or nothing was printed for long."""
        total = self._total()
        tenth = 10 * self.seen // total if total else 0
        if now - self._printed >= _SILENT_SECONDS or (
            tenth > self._tenth and now - self._printed >= _QUIET_SECONDS
        ):
            print_message(self._line(final=False))
            self._printed = now
        self._tenth = tenth

    def _line(self, *, final: bool) -> str:
        parts = [f"{self._title}{self._count()}", self._times(final), self._step_time(final)]
        return " - ".join(filter(None, parts)) + self._metrics() + self._after(final)

    def _segments(self, bar: str, final: bool) -> Iterator[tuple[str, str]]:
        total = self._total()
        yield f"{self._title}{self._count()} ", "bold"
        if total:
            done = _WIDTH * self.seen // total
            yield bar[0] * done, "green"
            yield bar[1] * (_WIDTH - done), "bright_black"
        if self.seen or final:
            yield f" {self._times(final)}", "bold"
            step_time = self._step_time(final)
            yield f" {step_time}" if step_time else "", ""
            yield f"{self._metrics()}{self._after(final)}", ""

    def _total(self) -> int | None:
        # If data turn out longer than was said, the bar is full rather than wrong.
        return max(self.target, self.seen) if self.target else None

    def _count(self) -> str:
        total = self._total()
        return f"{self.seen:{len(str(total))}d}/{total}" if total else f"{self.seen:7d}/Unknown"

    def _times(self, final: bool) -> str:
        elapsed = time.perf_counter() - self._start
        if final:
            return f"{elapsed:.0f}s"
        left = self._seconds_left()
        return clock(elapsed) if left is None else f"{clock(elapsed)}, {clock(left)} left"

    def _seconds_left(self) -> float | None:
        """Returns what is left by the time that steps took; None before one was measured."""
        total, each = self._total(), self._seconds_per_step()
        return None if total is None or each is None else each * (total - self.seen)

    def _after(self, final: bool) -> str:
        if final or self._outlook is None:
            return ""
        return self._outlook(self._seconds_left())

    def whole_seconds(self) -> float | None:
        """Returns what all steps take by the time that steps took; None if that is unknown."""
        total, each = self._total(), self._seconds_per_step()
        return None if total is None or each is None else each * total

    def _seconds_per_step(self) -> float | None:
        """Returns what the gauge says; without one, the time between steps but for the first."""
        if self._gauge is not None:
            return self._gauge.seconds_per_step
        timed = self.seen - self._skipped
        if self._first_end is not None and timed > 1:
            return (time.perf_counter() - self._first_end) / (timed - 1)
        return None

    def _step_time(self, final: bool) -> str:
        seconds = self._seconds_per_step()
        if seconds is None and final:  # Nothing but the time with the compilation is known.
            timed = self.seen - self._skipped
            seconds = (time.perf_counter() - self._start) / timed if timed else 0.0
        if seconds is None:
            return ""
        if seconds >= 1 or seconds == 0:
            return f"{seconds:.0f}s/step"
        return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/step"

    def _metrics(self) -> str:
        logs = self._logs or {}
        return "".join(f" - {name}: {shown(value)}" for name, value in logs.items())


def clock(seconds: float) -> str:
    """Writes a time as a clock shows it: 38s, 1:05 or 2:00:00."""
    minutes, whole = divmod(round(seconds), 60)
    if round(seconds) <= 60:
        return f"{round(seconds)}s"
    if minutes < 60:
        return f"{minutes}:{whole:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:02d}"


def shown(value: Any) -> str:
    """Writes a value of the logs: the mean, if it is several numbers."""
    try:
        mean = float(np.mean(value))
    except (TypeError, ValueError):
        return str(value)
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"
