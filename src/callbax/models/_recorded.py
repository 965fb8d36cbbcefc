"""What a directory holds of a run."""

import os

from callbax._core._errors import explain
from callbax._stores._kept import Kept
from callbax._stores._protocol import RunState
from callbax._stores._record import Record
from callbax._stores._tape import RECORD, Tape


def record_in(directory: str, *, where: str) -> tuple[Record, RunState]:
    """Returns what was kept of a run in a directory, and one state of it.

    Args:
        directory: That of a `Recorder`, `Checkpoint` or `BackupAndRestore`, or what ``fit`` was
            given as ``resume``; of several fits in it the last one counts.
        where: The public call to name in an error, without backticks.

    Raises:
        OSError: There is nothing, or nothing that can be read.
    """
    if os.path.lexists(os.path.join(directory, RECORD)):
        tape = Tape.opened(directory, where=where)
        return tape, tape.frame(0)
    kept = Kept.found_in(directory, where=where)
    if kept is None:
        raise FileNotFoundError(
            explain(
                where,
                expected="a directory in which a run was recorded",
                received=f'"{directory}", in which nothing of that kind is',
                action="Pass that of a `Recorder` or `Checkpoint`, or the one given to "
                "`fit(resume=...)`.",
            )
        )
    return kept, kept.newest()
