"""How far a run has to go and how fast it is, for whoever shows it."""

import time


class Gauge:
    """The wall time of the steps of an epoch, by the executions that are done.

    Hooks come in bursts, so that the time between two of them is not the time of a step. What
    counts is the time of the epoch so far, over the steps that were executed in it: with waiting
    for data and with the hooks, but without compiling and without runs inside this one, as
    validation is.

    Attributes:
        steps: Steps in the epoch; None if unknown.
    """

    def __init__(self) -> None:
        self.steps: int | None = None
        self._began = self._seen = 0.0
        self._timed = 0
        self._before: float | None = None

    @property
    def seconds_per_step(self) -> float | None:
        """The mean over the epoch so far, or, at its begin, that of the epoch before.

        None before there is a measurement.
        """
        return (self._seen - self._began) / self._timed if self._timed else self._before

    def start_epoch(self, steps: int | None) -> None:
        """Begins to measure afresh.

        Args:
            steps: Steps in the epoch; None if unknown.
        """
        self._before, self._timed, self.steps = self.seconds_per_step, 0, steps
        self._began = self._seen = time.perf_counter()

    def ran(self, steps: int) -> None:
        """Counts the steps of an execution that is done."""
        self._timed += steps

    def see(self) -> None:
        """Counts the time until now."""
        self._seen = time.perf_counter()

    def leave_out(self, seconds: float) -> None:
        """Leaves out a time that has just passed and that was not spent on steps."""
        self._began += seconds
        self._seen += seconds
