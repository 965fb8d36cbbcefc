"""A run as a picture of what happened when."""

import json
import os
import threading
import time
from typing import IO, Any

from callbax._core._hooks import Logs
from callbax._core._spans import Span
from callbax.callbacks._callback import Callback, Execution, Processes
from callbax.callbacks._failures import OnFailure

_TRACKS = ("device", "hooks", "data", "records")
"""From top to bottom."""


class Trace(Callback):
    """Writes what happened when: open the file at https://ui.perfetto.dev, or in TensorBoard.

    Its tracks are the executions on the device, as they are dispatched and known to be done; every
    hook of every callback; waits for data; and what is written of the run in the background. Use it
    to see what a run waits for.

    Args:
        filename: The file, in Chrome's trace format. It is written while the run goes on, and can
            be opened if the run is killed, too.

    Raises:
        OSError: When a run begins: the file cannot be written.

    Differs from Keras: new.

    Example:
        >>> Trace("trace.json").execution
        'fused'

    Source: Trace Event Format of Chrome.
    """

    execution: Execution = "fused"
    adds_logs: tuple[str, ...] | None = ()
    on_failure: OnFailure = "warn"
    processes: Processes = "first"

    def __init__(self, filename: str | os.PathLike[str]) -> None:
        super().__init__()
        self.filename: str = os.fspath(filename)
        self._file: IO[str] | None = None
        self._lock = threading.Lock()
        self._began = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts the file."""
        self._start()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Starts the file, unless it is a validation within ``fit``."""
        self._start()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Starts the file."""
        self._start()

    def draw(self, span: Span) -> None:
        """Writes a stretch of time; may be called in any thread."""
        track = _TRACKS.index(span.track)
        began = max(span.began, self._began)  # this callback's own first hook begins before
        at, lasted = (began - self._began) * 1e6, (span.ended - began) * 1e6  # microseconds
        event = {"ph": "X", "name": span.name, "cat": span.track, "ts": at, "dur": lasted}
        self._write({**event, "pid": 0, "tid": track, "args": dict(span.details)})

    def teardown(self) -> None:
        """Ends the file."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                file.write('{"ph": "M", "name": "process_name", "pid": 0}\n]\n')
                file.close()

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: it writes a file of its own."""
        return {**super().__getstate__(), "_file": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def _start(self) -> None:
        if self._file is not None:
            return
        self._began = time.perf_counter()
        self._file = open(self.filename, "w", encoding="utf-8")  # noqa: SIM115  `teardown` closes it
        self._file.write("[\n")
        for number, name in enumerate(_TRACKS):
            named = {"ph": "M", "name": "thread_name", "args": {"name": name}}
            self._write({**named, "pid": 0, "tid": number})

    def _write(self, event: dict[str, Any]) -> None:
        with self._lock:
            if self._file is not None:
                self._file.write(json.dumps(event) + ",\n")
