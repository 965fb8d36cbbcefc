"""Writing while training goes on."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from callbax._core._spans import Spans


class Writer:
    """Does jobs in a thread of its own, one after the other.

    Args:
        spans: Where is told how long jobs take.

    A job's failure is raised by the next call of `submit`, `wait` or `close`.

    Example:
        >>> writer, done = Writer(), []
        >>> writer.submit(lambda: done.append("first"))
        >>> writer.close()
        >>> done
        ['first']
    """

    def __init__(self, spans: Spans | None = None) -> None:
        self._spans = spans or Spans()
        self._thread: ThreadPoolExecutor | None = None
        self._job: Future[None] | None = None

    def submit(self, job: Callable[[], None]) -> None:
        """Starts a job, once the one before is done: no more than one copy of a state is held."""
        self.wait()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="callbax-writer")
        self._job = self._thread.submit(self._do, job)

    def _do(self, job: Callable[[], None]) -> None:
        began = time.perf_counter()
        job()
        if self._spans:
            self._spans.tell("records", "write", began, time.perf_counter())

    def wait(self) -> None:
        """Waits for the job under way."""
        job, self._job = self._job, None
        if job is not None:
            job.result()

    def close(self) -> None:
        """Waits, and ends the thread."""
        thread, self._thread = self._thread, None
        try:
            self.wait()
        finally:
            if thread is not None:
                thread.shutdown()
