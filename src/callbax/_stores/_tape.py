"""What a run was: states at some batches, logs at all, and what hooks wrote in between."""

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from callbax._core._errors import explain
from callbax._stores._protocol import RunState
from callbax._stores._record import Change, Row, Stretch
from callbax._stores._run_file import read_run, to_contents, write_run
from callbax._stores._writer import Writer
from callbax.saving._atomic import unusable
from callbax.saving._paths import check_directory

RECORD = "record.jsonl"


class Tape:
    """Keeps what a run was, in memory or in a directory.

    Invariants. Frames, which are states of the run, stand in the order of the run, one at the begin
    of every epoch. The journal of a frame holds what hooks wrote between the frame before and it;
    so a state between two frames is the earlier one, its steps taken again, and the later one's
    journal, entry by entry at its batch.

    Args:
        directory: Where to keep it; None keeps it in memory.
        where: The public call that it belongs to, for messages, without backticks.

    Attributes:
        frames: Epoch and batches done of every frame.

    Raises:
        OSError: The directory cannot be written to.
    """

    def __init__(self, directory: str | None, *, where: str) -> None:
        self._directory, self._where = directory, where
        self._rows: list[Row] = []
        self.frames: list[tuple[int, int]] = []
        self._in_memory: dict[int, RunState] = {}
        self._pending: list[Change] = []
        self._lines: list[str] = []
        self._begun = False
        self._writer = Writer()
        if directory is not None:
            check_directory(directory, where=where)

    @classmethod
    def opened(cls, directory: str, *, where: str) -> "Tape":
        """Returns what an earlier process kept.

        Raises:
            OSError: There is nothing that can be read.
        """
        path = os.path.join(directory, RECORD)
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except OSError as error:
            raise unusable(where, path, "the record of a run", error) from error
        tape = cls(directory, where=where)
        for line in lines:
            try:
                tape._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                if line is lines[-1]:
                    break  # cut off by what ended the process
                raise OSError(
                    explain(
                        where,
                        expected=f'the record of a run at "{path}"',
                        received=f"a line that is none of it: {line[:60]!r}",
                        action="The file is damaged or of another kind; take another directory.",
                    )
                ) from error
        return tape

    def resume(self, lines: int, pending: Sequence[Change]) -> None:
        """Goes back to what was kept when the run was recorded from which it now continues.

        Args:
            lines: How many rows and frames there were.
            pending: What hooks had written since the last frame.
        """
        if self._directory is None:
            return
        self._pending = list(pending)
        earlier = Tape.opened(self._directory, where=self._where)
        self._rows, self.frames = [], []
        for entry in itertools.islice(earlier.entries(), lines):
            self._take(entry)
        self._lines = [json.dumps(entry) for entry in self.entries()]
        self._begun = False
        self.flush()

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yields rows and frames in the order of the run, as they are filed."""
        frames = iter([*self.frames, None])
        frame = next(frames)
        for row in self._rows:
            while frame is not None and frame <= (row.epoch, row.batch):
                yield {"frame": list(frame)}
                frame = next(frames)
            yield {"row": [row.epoch, row.batch], "logs": dict(row.logs), "loss": row.loss}
        while frame is not None:
            yield {"frame": list(frame)}
            frame = next(frames)

    @property
    def pending(self) -> tuple[Change, ...]:
        """What hooks have written since the last frame."""
        return tuple(self._pending)

    @property
    def lines(self) -> int:
        """How many rows and frames there are."""
        return len(self._rows) + len(self.frames)

    def add(self, row: Row) -> None:
        """Keeps the logs of a batch."""
        self._rows.append(row)
        if self._directory is not None:
            entry = {"row": [row.epoch, row.batch], "logs": dict(row.logs), "loss": row.loss}
            self._lines.append(json.dumps(entry))

    def note(self, epoch: int, batch: int, change: Mapping[str, Any]) -> None:
        """Keeps what a hook wrote.

        Args:
            epoch: The epoch.
            batch: Batches of it that were done.
            change: Path in the state -> array.
        """
        self._pending.append((epoch, batch, change))

    def keep(self, run: RunState) -> None:
        """Keeps a state of the run as a frame."""
        number, place = len(self.frames), (run.epoch, run.batch)
        run = replace(run, journal=tuple(self._pending))
        self._pending = []
        self.frames.append(place)
        if self._directory is None:
            self._in_memory[number] = run
            return
        job = partial(write_run, self._path(number), to_contents(run), where=self._where)
        self._writer.submit(job)
        self._lines.append(json.dumps({"frame": list(place)}))
        self.flush()

    def frame(self, number: int) -> RunState:
        """Returns a frame.

        Raises:
            OSError: Its file cannot be read.
        """
        if number in self._in_memory:
            return self._in_memory[number]
        self._writer.wait()
        return read_run(self._path(number), where=self._where)

    def rows(self, where: str) -> Sequence[Row]:
        """Returns the logs of all batches."""
        return self._rows

    def stretch(self, epoch: int, batch: int) -> Stretch:
        row = next((r for r in self._rows if (r.epoch, r.batch) == (epoch, batch)), None)
        numbers = [n for n, at in enumerate(self.frames) if at[0] == epoch and at[1] <= batch]
        if row is None or not numbers:
            last = self._rows[-1] if self._rows else None
            reached = "no batch" if last is None else f"epoch {last.epoch}, batch {last.batch}"
            raise ValueError(
                explain(
                    f"history.at(epoch={epoch}, batch={batch})",
                    expected=f"a batch of the recorded run, which came to {reached}",
                    received="one that is not in the record",
                    action="Epochs and batches count from 0.",
                )
            )
        return Stretch(self.frame(numbers[-1]), self._changes_after(numbers[-1]), row)

    def _changes_after(self, number: int) -> Sequence[Change]:
        """Returns what hooks wrote after a frame, up to the next."""
        if number + 1 == len(self.frames):
            return self.pending
        journal: Sequence[Change] = self.frame(number + 1).journal
        return journal

    def flush(self) -> None:
        """Writes the rows so far."""
        if self._directory is None or not self._lines:
            return
        path = os.path.join(self._directory, RECORD)
        # The record of an earlier run goes only now: this one might have continued it.
        with open(path, "a" if self._begun else "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in self._lines)
        self._lines, self._begun = [], True

    def close(self) -> None:
        """Writes what is left."""
        self.flush()
        self._writer.close()

    def _take(self, entry: Mapping[str, Any]) -> None:
        if "frame" in entry:
            epoch, batch = entry["frame"]
            self.frames.append((int(epoch), int(batch)))
        else:
            epoch, batch = entry["row"]
            self._rows.append(Row(int(epoch), int(batch), entry["logs"], float(entry["loss"])))

    def _path(self, number: int) -> str:
        return os.path.join(self._directory or "", f"frame-{number:06d}.weights.h5")
