"""Signals that end a run: at the end of a batch, so that none lands in the middle of a change."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_TAKEN: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
"""Signals, and what Python does of itself; who has set something else keeps it."""


class Interrupts:
    """Notes SIGINT and SIGTERM while runs last, and raises for them at the ends of batches.

    Raised anywhere, as Python does it, Ctrl-C may come between two changes that belong together, or
    in a callback of the garbage collector, where it is lost. So the first one is noted, and raised
    when the batch is over; while a run waits for data, it is raised at once. The second one is
    raised at once, wherever that is: a hook may never end.

    Signals reach the main thread alone; runs of others leave them alone.

    Attributes:
        pending: The number of the signal that was noted; None for none.
    """

    def __init__(self) -> None:
        self.pending: int | None = None
        self._runs = 0
        self._waiting = False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Notes signals while the outermost of such blocks lasts."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = self._take() if self._runs == 0 else {}
        self._runs += 1
        try:
            yield
        except BaseException as error:
            if self._runs == 1 and self.pending is not None:
                error.add_note(f"Meanwhile {signal.Signals(self.pending).name} came.")
                self.pending = None
            raise
        finally:
            self._runs -= 1
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._runs == 0:
            self.check()  # one that came after the last batch was meant for this run

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Raises at once for signals that come while a run waits for what may never come."""
        if threading.current_thread() is not threading.main_thread():
            yield  # it is not this thread that signals reach
            return
        self._waiting = True
        try:
            self.check()
            yield
        finally:
            self._waiting = False

    def note(self, number: int) -> None:
        """Notes a signal that another process of the run has got."""
        self.pending = self.pending or number

    def check(self, first: Callable[[], None] | None = None) -> None:
        """Raises for a signal that was noted.

        Args:
            first: What to do before; the run is at the end of a batch.

        Raises:
            KeyboardInterrupt: It was Ctrl-C.
            SystemExit: It was SIGTERM; the status is 143, as shells have it.
        """
        if self.pending is None or threading.current_thread() is not threading.main_thread():
            return
        try:
            if first is not None:
                first()
        finally:
            number, self.pending = self.pending, None
            if number is not None:  # a second one was raised meanwhile
                raise _error_for(number)

    def _take(self) -> dict[signal.Signals, Any]:
        """Takes the signals that nobody has taken; returns what was there."""
        ours = {n: python for n, python in _TAKEN.items() if signal.getsignal(n) is python}
        for number in ours:
            signal.signal(number, self._handle)
        return ours

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._waiting or self.pending is not None:
            self.pending = None
            raise _error_for(number)
        self.pending = number


INTERRUPTS = Interrupts()
"""Those of this process: signals are sent to processes, whichever of their runs is under way."""


def _error_for(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
