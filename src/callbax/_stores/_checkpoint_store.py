"""A run in a directory of numbered files."""

import os
import re
from collections.abc import Callable, Collection, Iterator
from functools import partial

from callbax._core._errors import explain
from callbax._core._spans import Spans
from callbax._core._warnings import warn
from callbax._stores._format import FORMATS, Format
from callbax._stores._lock import Lock
from callbax._stores._orbax_format import EARLIER
from callbax._stores._protocol import RunState
from callbax._stores._writer import Writer
from callbax.saving._atomic import temporaries
from callbax.saving._contents import Contents
from callbax.saving._orbax import remove_partial
from callbax.saving._paths import check_directory, remove_files, saving

FINISHED = "finished"
"""The name of the state at the end of a fit, but for the suffix of its format."""
_SUFFIXES = "|".join(re.escape(form.suffix) for form in FORMATS.values())
_STEP = re.compile(rf"step-(\d+)({_SUFFIXES})(\{EARLIER})?")
_FINISHED = re.compile(rf"{FINISHED}({_SUFFIXES})(\{EARLIER})?")


class CheckpointStore:
    """Keeps states of a run, each in a file or directory that is named after the steps taken.

    Args:
        directory: The directory, used for nothing else.
        format: How states lie in it.
        allow_changes: Whether a fit that differs from the recorded one may continue it.
        owner: Class name of the callback that the store belongs to, for messages.
        spans: Where is told how long writing takes.
        writes: Whether it may change the directory; if not it only reads.

    Attributes:
        where: The call that it belongs to, for messages.
        allow_changes: What was given.

    Raises:
        ValueError: The directory holds states in another format.
        OSError: It cannot be made or written to, or another run uses it.
    """

    def __init__(
        self,
        directory: str,
        *,
        owner: str,
        format: str = "hdf5",
        allow_changes: bool = False,
        spans: Spans | None = None,
        writes: bool = True,
    ) -> None:
        self.where, self.allow_changes = f"{owner}({directory!r})", allow_changes
        self._directory, self._owner = directory, owner
        self._writer = Writer(spans)
        self._format: Format = FORMATS[format]
        check_directory(directory, where=self.where)
        self._need_format(format)
        self._lock = Lock(directory, where=self.where) if writes else None
        if self._lock is not None:
            remove_partial(directory)

    @property
    def divided(self) -> bool:
        return self._format.divided

    def states(self, like: Contents | None = None) -> Iterator[RunState]:
        self._writer.wait()
        damaged: OSError | None = None
        found = False
        for path in self.paths():
            try:
                run = self._format.read(path, where=self.where, like=like)
            except OSError as error:
                damaged = damaged or error
                warn(f'{self.where}: "{path}" cannot be read and is passed over. {error}')
                continue
            found = True
            yield run
        if damaged is not None and not found:
            raise damaged

    def path(self, step: int) -> str:
        """Returns where the state after a number of steps is."""
        return os.path.join(self._directory, step_name(step, self._format))

    def steps(self) -> list[int]:
        """Returns the steps of the states that are kept, in order."""
        self._writer.wait()
        return _steps(self._directory)

    def paths(self) -> list[str]:
        """Returns the files, that of the finished run first, then the newest."""
        self._writer.wait()
        return checkpoint_paths(self._directory)

    def write(self, run: RunState, *, keep: Collection[int] | None = None) -> None:
        """Keeps one more state.

        Args:
            run: The state.
            keep: Steps of those that remain once this one is safe; None for all.
        """
        if self._lock is None and not self.divided:
            return
        ended = os.path.join(self._directory, f"{FINISHED}{self._format.suffix}")
        path = self.path(run.steps) if run.finished is None else ended
        self._writer.wait()  # until the one before is safe
        with saving(path, owner=self._owner):
            leads = self._lock is not None
            finish = self._format.begin(path, run, where=self.where, leads=leads)
        self._writer.submit(partial(self._finish, path, finish, keep))

    def wait(self) -> None:
        """Waits until what was given to `write` is safe.

        Raises:
            OSError: It could not be written.
        """
        self._writer.wait()

    def clear(self) -> None:
        self._writer.wait()
        if self._lock is None:
            return
        for path in self.paths():
            self._format.remove(path)
            left = (file.name for file in temporaries(path))
            remove_files(self._directory, *left)

    def close(self) -> None:
        try:
            self._writer.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    def _finish(self, path: str, finish: Callable[[], None], keep: Collection[int] | None) -> None:
        with saving(path, owner=self._owner):
            finish()
        if self._lock is None or keep is None:
            return
        for step in _steps(self._directory):
            if step not in keep:
                self._format.remove(self.path(step))

    def _need_format(self, name: str) -> None:
        """Raises if the states that are kept have another format."""
        for path in checkpoint_paths(self._directory):
            if not path.endswith(self._format.suffix):
                other = next(key for key in FORMATS if path.endswith(FORMATS[key].suffix))
                raise ValueError(
                    explain(
                        f"{self._owner}({self._directory!r}, format={name!r})",
                        expected=f'a directory whose states have the format "{name}"',
                        received=f'"{os.path.basename(path)}"',
                        action=f'Pass format="{other}", or take another directory. Nothing was '
                        "changed.",
                    )
                )


def step_name(step: int, form: Format) -> str:
    """Returns the name of the state after a number of steps."""
    return f"step-{step:09d}{form.suffix}"


def checkpoint_paths(directory: str) -> list[str]:
    """Returns the states of a run, that of its end first, then the newest; none if none is there.

    One of which only the version before is left, as its replacement was not finished, counts too.
    """
    names = os.listdir(directory) if os.path.isdir(directory) else []
    ended = {
        match[0].removesuffix(EARLIER) for name in names if (match := _FINISHED.fullmatch(name))
    }
    steps = {match[0].removesuffix(EARLIER) for name in names if (match := _STEP.fullmatch(name))}
    return [os.path.join(directory, name) for name in (*ended, *sorted(steps, reverse=True))]


def _steps(directory: str) -> list[int]:
    matches = map(_STEP.fullmatch, os.listdir(directory))
    return sorted({int(match[1]) for match in matches if match is not None})
