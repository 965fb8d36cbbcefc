"""The other processes that run the same script, as a run sees them."""

import math
from collections.abc import Callable
from typing import Protocol

from callbax._core._errors import explain
from callbax._core._interrupts import INTERRUPTS
from callbax.distribution._agreement import (
    Agreement,
    Message,
    ProcessesDifferError,
    differing,
)

COST = 0.01
"""Share of a run's time that meetings at borders of executions may take if each is as quick as the
quickest was; with slower ones, and those at borders of epochs and runs, it becomes twice that."""
MOST_SKIPPED = 64
"""Executions between two meetings at most."""


class Peers(Protocol):
    """What a run agrees on with the other processes; all of them call the same at the same place.

    Attributes:
        several: Whether there are others.
        broken: Whether they have parted: then nothing may be read that needs the others.
        dispatched: How many executions this process has dispatched; whoever does it counts.
        behind: How many more one of the others had, when they parted.
        agreed: Called whenever they have met with what all go by: the time of a step, and how long
            an execution should last at least, for what a meeting costs.
    """

    dispatched: int
    behind: int
    agreed: Callable[[float, float], None]

    @property
    def several(self) -> bool: ...
    @property
    def broken(self) -> bool: ...

    def owed(self, at: int, ends: int) -> int:
        """Returns how many executions after the current one they dispatch before they meet again.

        Whoever wants to speak before that has to dispatch these first: the others wait for them.
        """

    def meet(self, kind: str, at: int) -> None:
        """Waits until all are at a place.

        Args:
            kind: What is due there.
            at: Batches of the run that are done.

        Raises:
            ProcessesDifferError: The others are elsewhere, or one of them has failed.
        """

    def stops(self, wanted: bool, at: int, ends: int) -> bool:
        """Returns whether the run stops after this batch.

        Args:
            wanted: Whether this process wants it to.
            at: Batches of the run that are done.
            ends: Those that are done when the current execution is over.
        """

    def ends_epoch(self, wanted: bool, at: int) -> bool:
        """Returns whether the run stops after this epoch; as for `stops`."""

    def measured(self, count: int, seconds: float) -> bool:
        """Takes a step's time as measured here; returns whether this process goes by it alone.

        Args:
            count: Steps of the execution.
            seconds: How long a step took.
        """

    def touched(self, note: Callable[[], None], *, met: bool) -> None:
        """Notes that hooks have read or changed the state, where all are known to have done so.

        Args:
            note: Notes it.
            met: Whether the processes have met for it.
        """

    def check_interrupts(self, at: int, first: Callable[[], None] | None) -> None:
        """Raises for a signal, after calling `first`, if all are ready to."""

    def leave(self, error: BaseException, at: int) -> None:
        """Tells the others that an error ends the run here."""


class Alone:
    """A run of one process."""

    several = broken = False
    dispatched = behind = 0
    agreed: Callable[[float, float], None]

    def owed(self, at: int, ends: int) -> int:
        return 0

    def meet(self, kind: str, at: int) -> None:
        """Nobody has to be waited for."""

    def stops(self, wanted: bool, at: int, ends: int) -> bool:
        return wanted

    def ends_epoch(self, wanted: bool, at: int) -> bool:
        return wanted

    def measured(self, count: int, seconds: float) -> bool:
        return True

    def touched(self, note: Callable[[], None], *, met: bool) -> None:
        note()

    def check_interrupts(self, at: int, first: Callable[[], None] | None) -> None:
        if INTERRUPTS.pending is not None:
            INTERRUPTS.check(first)

    def leave(self, error: BaseException, at: int) -> None:
        """Nobody has to be told."""


class Together:
    """A run of several processes, which meet at the borders of executions.

    Between two meetings every process dispatches the same executions, so that none waits on its
    devices for one that is gone. What one of them wants takes effect for all at a meeting: with it
    the processes agree on the same next step.

    A message says what is due (`kind`) and at which batch. Whoever wants to stop in the middle of
    an execution announces it (kind "stop"): the others hear of it at their next meeting, which
    they then repeat. Every other kind is a meeting: all must be at the same.

    Args:
        agreement: What exchanges messages.
        placed: Returns a checksum of what this process has put on the devices: if it differs, so do
            the copies of the state.
        steps_alone: Whether every execution has the same few steps: then they do not meet at the
            end of each, as that may cost more than the steps. Others soon last long enough.
    """

    several = True
    agreed: Callable[[float, float], None]

    def __init__(
        self, agreement: Agreement, placed: Callable[[], int], *, steps_alone: bool
    ) -> None:
        self._agreement, self._placed, self._steps_alone = agreement, placed, steps_alone
        self.broken = False
        self.dispatched = self.behind = 0
        self._met = -1
        self._stopping = self._signalled = False
        self._skips = 0
        self._measured: float | None = None
        self._agreed: float | None = None
        self._length = 1
        self._touch: Callable[[], None] | None = None

    def owed(self, at: int, ends: int) -> int:
        return self._skips + (at == ends and self._met == at)

    def meet(self, kind: str, at: int) -> None:
        while True:
            heard = self._exchange(kind, at)
            if all(message["kind"] == kind and message["at"] == at for message in heard):
                self._met = at
                self._need_same_numbers(heard)
                if self._touch is not None and all(message["touched"] for message in heard):
                    self._touch()
                self._touch = None
                self._skip_some(heard)
                return
            if any(
                message["kind"] != "stop" and (message["kind"], message["at"]) != (kind, at)
                for message in heard
            ):
                self._part(heard)
                raise differing(self._agreement, heard)

    def stops(self, wanted: bool, at: int, ends: int) -> bool:
        if at == ends:
            if self._met == at:
                return self._stopping
            if self._skips and (not wanted or self._stopping):
                self._skips -= 1
                self._met = at
                return False
            if self._skips:
                return self._announce(at)
            self._meet_wanting("the end of an execution", wanted, at)
            return self._stopping
        return wanted and not self._stopping and self._announce(at)

    def measured(self, count: int, seconds: float) -> bool:
        self._measured, self._length = seconds, count
        return False

    def touched(self, note: Callable[[], None], *, met: bool) -> None:
        if met:
            note()
        else:
            self._touch = note  # others need not have done so; the next meeting tells

    def check_interrupts(self, at: int, first: Callable[[], None] | None) -> None:
        if self._signalled and self._met == at:
            self._signalled = False
            INTERRUPTS.check(first)

    def leave(self, error: BaseException, at: int) -> None:
        if self.broken:
            return
        text = f"{type(error).__name__}: {error}"[:500]
        try:
            error_here = {"kind": "error", "at": at, "error": text, "dispatched": self.dispatched}
            heard = self._agreement.exchange(error_here)
        except ProcessesDifferError:
            self.broken = True
            return
        if any(message["kind"] != "error" or message["at"] != at for message in heard):
            self._part(heard)

    def ends_epoch(self, wanted: bool, at: int) -> bool:
        self._meet_wanting("the end of an epoch", wanted, at)
        return self._stopping

    def _part(self, heard: list[Message]) -> None:
        self.broken = True
        self.behind = max(said.get("dispatched", 0) for said in heard) - self.dispatched

    def _announce(self, at: int) -> bool:
        """Says that this process wants to stop; returns whether all do so at the same batch."""
        heard = self._exchange("stop", at, stop=True)
        return all(message["kind"] == "stop" and message["at"] == at for message in heard)

    def _meet_wanting(self, kind: str, wanted: bool, at: int) -> None:
        """Meets at a border, saying whether to stop there."""
        self._stopping = self._stopping or wanted
        self.meet(kind, at)

    def _exchange(self, kind: str, at: int, *, stop: bool = False) -> list[Message]:
        message: Message = {
            "kind": kind,
            "at": at,
            "stop": stop or self._stopping,
            "signal": INTERRUPTS.pending,
            "seconds": self._measured,
            "cost": self._agreement.seconds,
            "placed": self._placed(),
            "touched": self._touch is not None,
            "dispatched": self.dispatched,
        }
        heard = self._agreement.exchange(message)
        failed = [(i, said) for i, said in enumerate(heard) if said["kind"] == "error"]
        if failed:
            self._part(heard)
            number, said = failed[0]
            raise ProcessesDifferError(
                explain(
                    "fit with several processes",
                    expected="all of them to come to the end",
                    received=f"an error in process {number} at batch {said['at']}: {said['error']}",
                    action="See that process's own traceback.",
                )
            )
        self._stopping = self._stopping or any(said.get("stop") for said in heard)
        for signal in (said.get("signal") for said in heard):
            if signal is not None:
                INTERRUPTS.note(signal)
                self._signalled = True
        seconds = [said["seconds"] for said in heard if said.get("seconds") is not None]
        if len(seconds) == len(heard):
            self._agreed = max(seconds)
            self.agreed(self._agreed, max(said["cost"] or 0.0 for said in heard) / COST)
        return heard

    def _need_same_numbers(self, heard: list[Message]) -> None:
        if len({message["placed"] for message in heard}) > 1:
            self._part(heard)
            raise ProcessesDifferError(
                explain(
                    "fit with several processes",
                    expected="the same weights, arrays and changes by hooks in all of them",
                    received=f"others in some, found at batch {heard[0]['at']}",
                    action="Call `utils.set_random_seed` first, load the same data, and let hooks "
                    "set the same values in every process.",
                )
            )

    def _skip_some(self, heard: list[Message]) -> None:
        """Lets as many borders pass as short executions need, not to spend too much on meetings."""
        costs = [message["cost"] for message in heard]
        if not self._steps_alone or None in costs or self._agreed is None:
            return
        needed = math.ceil(max(costs) / (COST * max(self._agreed * self._length, 1e-9)))
        self._skips = min(needed, MOST_SKIPPED) - 1
