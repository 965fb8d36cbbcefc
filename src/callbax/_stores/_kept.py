"""The way to the batches of a run of which only some states are kept."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from callbax._core._errors import explain
from callbax._stores._backup_store import backup_paths
from callbax._stores._checkpoint_store import checkpoint_paths
from callbax._stores._format import read_state
from callbax._stores._protocol import RunState
from callbax._stores._record import Change, Row, Stretch
from callbax._stores._trail import Trail

_FIT = re.compile(r"fit-(\d+)")
_RECORDER = "Pass a `callbacks.Recorder(...)` to `fit`, which keeps what leads to every batch."

Place = tuple[int, int]
"""An epoch, and batches of it that are done."""


class _Around(NamedTuple):
    """The states of a run around a batch.

    Attributes:
        before: The last one at or before it; None if none is kept.
        after: The first one after it; None if none is kept.
        oldest: The oldest that was seen on the way.
        newest: The newest of the run.
    """

    before: RunState | None
    after: RunState | None
    oldest: RunState
    newest: RunState


class Kept:
    """Leads to batches from the states that `Checkpoint` or `BackupAndRestore` left.

    Args:
        paths: The files, the newest first.
        where: The public call that they belong to, for messages, without backticks.
        trail: What hooks wrote in the run, if this process has seen it; else only what the states
            themselves tell is known.
        identity: What the run belongs to; None for what its newest state says.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        where: str,
        trail: Trail | None = None,
        identity: Mapping[str, str] | None = None,
    ) -> None:
        self._where, self._trail, self._identity = where, trail, identity
        # A later run may use the same names.
        self._files = [(path, stamp) for path in paths if (stamp := _stamp(path)) is not None]

    def __bool__(self) -> bool:
        return bool(self._files)

    @classmethod
    def found_in(cls, directory: str, *, where: str) -> "Kept | None":
        """Returns what there is in a directory of a run, or in that of its last fit.

        Returns:
            None if nothing is there.
        """
        numbers = [int(match[1]) for name in _names(directory) if (match := _FIT.fullmatch(name))]
        for number in sorted(numbers, reverse=True):
            inner = os.path.join(directory, f"fit-{number}")
            if kept := cls(checkpoint_paths(inner), where=where):
                return kept
        paths = checkpoint_paths(directory) or backup_paths(directory)
        return cls(paths, where=where) or None

    def newest(self) -> RunState:
        """Returns the newest state.

        Raises:
            OSError: None can be read.
        """
        return next(self._states())

    def rows(self, where: str) -> Sequence[Row]:
        """Raises an error: nobody has kept the logs of batches."""
        raise ValueError(
            explain(
                where,
                expected="a run whose logs were recorded batch by batch",
                received="one of which only some states are kept",
                action=_RECORDER,
            )
        )

    def stretch(self, epoch: int, batch: int) -> Stretch:
        where, at = f"history.at(epoch={epoch}, batch={batch})", (epoch, batch)
        around = self._around(at)
        self._need_reached(where, at, around.newest)
        start = around.before
        if start is None:
            oldest = _told(around.oldest.epoch, around.oldest.batch)
            raise ValueError(
                explain(
                    where,
                    expected=f"a batch from {oldest}, on: the oldest state that is kept",
                    received="one before it",
                    action="Let more states be kept: `resume=callbacks.Checkpoint(..., keep=...)`. "
                    f"{_RECORDER}",
                )
            )
        self._need_same_settings(where, start, around.newest)
        changes = self._changes(where, start, around.after)
        before = [change for change in changes if change[:2] <= at]
        self._need_known(where, before, around.newest)
        goal = around.after
        if goal is not None and (goal.finished is not None or not _is_known(changes)):
            goal = None
        end = self._trail.steps if self._trail is not None else around.newest.steps
        return Stretch(start, changes if goal is not None else before, goal=goal, steps=end)

    def _around(self, at: Place) -> _Around:
        newest = after = oldest = None
        for run in self._states():
            oldest = run
            if after is not None and after.finished is not None and _place(run) > _place(after):
                newest = after = None  # more epochs were asked for later
            newest = newest or run
            if run.finished is None and _place(run) <= at:
                return _Around(run, after, run, newest)
            after = run
        if newest is None or oldest is None:
            raise FileNotFoundError(
                explain(
                    self._where,
                    expected="states of the run",
                    received="none any more",
                    action="Keep the directory, and use it for no other run.",
                )
            )
        return _Around(None, after, oldest, newest)

    def _need_reached(self, where: str, at: Place, newest: RunState) -> None:
        """Raises unless the run is known to have taken the step of a batch."""
        end = _place(newest) if self._trail is None else self._trail.reached or (0, 0)
        if at[0] < 0 or at[1] < 0 or at >= end:
            later = self._trail is None and newest.finished is None
            action = "Epochs and batches count from 0."
            raise ValueError(
                explain(
                    where,
                    expected=f"a batch of the run, which came to {_told(*end)}",
                    received="a later one" if at >= end else "numbers below 0",
                    action=f"What came after its last state is not known. {_RECORDER}"
                    if later and at >= end
                    else action,
                )
            )

    def _need_same_settings(self, where: str, start: RunState, newest: RunState) -> None:
        """Raises if the run went on in another way after a state, as `allow_changes` lets it."""
        now = newest.identity if self._identity is None else self._identity
        changed = [name for name, what in start.identity.items() if now.get(name, what) != what]
        if changed:
            raise ValueError(
                explain(
                    where,
                    expected="a batch from where the run has the settings of its end",
                    received=f"one before these changed: {', '.join(changed)}",
                    action="Go to a batch after that, or compile the model as it was then.",
                )
            )

    def _changes(self, where: str, start: RunState, after: RunState | None) -> Sequence[Change]:
        """Returns what hooks wrote between two states, or from a state on."""
        if after is None and self._trail is None:
            return ()
        if after is not None:
            journal, noted = after.journal, after.noted
        elif self._trail is not None:
            journal, noted = self._trail.journal(), self._trail.noted
        if noted is None or start.noted is None:
            raise ValueError(
                explain(
                    where,
                    expected="states that tell how often hooks have written",
                    received="those of an earlier version",
                    action=_RECORDER,
                )
            )
        first = len(journal) - (noted - start.noted)
        if not 0 <= first <= len(journal):
            raise ValueError(
                explain(
                    where,
                    expected="a run whose states lie close enough together",
                    received=f"{noted - start.noted} writes of hooks between two of them, of which "
                    f"the last {len(journal)} are known",
                    action=f"Let states be kept more often. {_RECORDER}",
                )
            )
        return journal[first:]

    def _need_known(self, where: str, changes: Sequence[Change], newest: RunState) -> None:
        """Raises if hooks have changed what is not kept."""
        for epoch, batch, change in changes:
            for path, value in change.items():
                if value is None:
                    raise ValueError(
                        explain(
                            where,
                            expected="a batch up to which all that hooks wrote is known",
                            received=f"one after a hook wrote `{path.lstrip('.')}`, in "
                            f"{_told(epoch, max(batch, 0))}, which a checkpoint does not keep",
                            action=f"Go to a batch before that. {_RECORDER}",
                        )
                    )
        renewed = newest.renewed if self._trail is None else self._trail.renewed
        if renewed:
            raise ValueError(
                explain(
                    where,
                    expected="a run in which losses and metrics read the same numbers throughout",
                    received="one in which a hook has changed a number of Python that they read",
                    action="Keep it in a `backend.variable(...)` or an `nnx.Variable`, whose "
                    "values are noted.",
                )
            )

    def _states(self) -> Iterator[RunState]:
        """Yields what can be read and is still that of the run, the newest first."""
        damaged: OSError | None = None
        found = False
        for path, stamp in self._files:
            if _stamp(path) != stamp:
                continue
            try:
                run = read_state(path, where=self._where)
            except OSError as error:
                damaged = damaged or error
                continue
            found = True
            yield run
        if damaged is not None and not found:
            raise damaged


def _place(run: RunState) -> Place:
    return run.epoch, run.batch


def _told(epoch: int, batch: int) -> str:
    return f"epoch {epoch}, batch {batch}"


def _is_known(changes: Sequence[Change]) -> bool:
    return all(value is not None for _, _, change in changes for value in change.values())


def _stamp(path: str) -> tuple[int, int] | None:
    """Returns what tells a file from another of its name; None if it is not there."""
    with suppress(OSError):
        status = os.stat(path)
        return status.st_mtime_ns, status.st_size
    return None


def _names(directory: str) -> list[str]:
    with suppress(OSError):
        return os.listdir(directory)
    return []
