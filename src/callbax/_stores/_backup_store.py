"""A run in the files of Keras's ``BackupAndRestore``."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from callbax._core._spans import Spans
from callbax._core._warnings import warn
from callbax._stores._lock import Lock
from callbax._stores._protocol import RunState
from callbax._stores._run_file import read_run, to_contents, write_run
from callbax._stores._writer import Writer
from callbax.saving._atomic import replacing, temporaries
from callbax.saving._contents import Contents
from callbax.saving._paths import check_directory, remove_files, saving

WEIGHTS = "latest.weights.h5"
METADATA = "training_metadata.json"
_PREVIOUS = ".bkp"


class BackupStore:
    """Keeps the latest state of a run in a directory.

    ``latest.weights.h5`` holds the weights and the optimizer as Keras reads them, and beside them
    the rest of the run; ``training_metadata.json`` says where the run is, for people.

    Args:
        directory: The directory, used for nothing else.
        keep_previous: Whether to keep the state before the last too, for when the last cannot be
            read.
        allow_changes: Whether a fit that differs from the recorded one may continue it.
        owner: Class name of the callback that the store belongs to, for messages.
        spans: Where is told how long writing takes.
        writes: Whether it may change the directory; if not it only reads.

    Attributes:
        where: The call that it belongs to, for messages.
        allow_changes: What was given.

    Raises:
        OSError: The directory cannot be made or written to, or another run uses it.
    """

    divided = False

    def __init__(
        self,
        directory: str,
        *,
        keep_previous: bool,
        owner: str,
        allow_changes: bool = False,
        spans: Spans | None = None,
        writes: bool = True,
    ) -> None:
        self.where, self.allow_changes = f"{owner}({directory!r})", allow_changes
        self._directory, self._keep_previous, self._owner = directory, keep_previous, owner
        self._path = os.path.join(directory, WEIGHTS)
        self._metadata = os.path.join(directory, METADATA)
        # Whether the file at the path is one of which the next write may make the previous one.
        self._sound = False
        self._writer = Writer(spans)
        check_directory(directory, where=self.where)
        self._lock = Lock(directory, where=self.where) if writes else None

    def states(self, like: Contents | None = None) -> Iterator[RunState]:
        self._writer.wait()
        first: OSError | None = None
        found = False
        for path in self.paths():
            try:
                run = read_run(path, where=self.where)
            except OSError as error:
                first = first or error
                continue
            if first is not None and not found:
                warn(
                    f'{self.where}: "{self._path}" cannot be read ({type(first).__name__}); '
                    "continuing from the backup before."
                )
            self._sound, found = self._sound or path == self._path, True
            yield run
        if first is not None and not found:
            raise first

    def paths(self) -> list[str]:
        self._writer.wait()
        return backup_paths(self._directory)

    def write(self, run: RunState) -> None:
        if self._lock is not None:
            self._writer.submit(partial(self._write, to_contents(run), run.epoch, run.batch))

    def clear(self) -> None:
        self._writer.wait()
        if self._lock is None:
            return
        self._sound = False
        names = (WEIGHTS, METADATA, WEIGHTS + _PREVIOUS, METADATA + _PREVIOUS)
        left = (file.name for path in (self._path, self._metadata) for file in temporaries(path))
        remove_files(self._directory, *names, *left)

    def close(self) -> None:
        try:
            self._writer.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    def _write(self, contents: Contents, epoch: int, batch: int) -> None:
        """Writes a state: at any moment one of the two files is whole."""
        os.makedirs(self._directory, exist_ok=True)
        with saving(self._path, owner=self._owner):
            keeps = self._keep_previous and self._sound and os.path.exists(self._path)
            previous = self._path + _PREVIOUS if keeps else None
            write_run(self._path, contents, where=self.where, previous=previous)
            self._sound = True
            if self._keep_previous:
                with suppress(FileNotFoundError):
                    os.replace(self._metadata, self._metadata + _PREVIOUS)
            with replacing(self._metadata, where=self.where) as temporary:
                temporary.write_text(json.dumps({"epoch": epoch, "batch": batch}))


def backup_paths(directory: str) -> list[str]:
    """Returns the files of a run, the newest first; none if none is there."""
    path = os.path.join(directory, WEIGHTS)
    return [name for name in (path, path + _PREVIOUS) if os.path.lexists(name)]
