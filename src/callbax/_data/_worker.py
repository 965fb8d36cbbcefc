"""A thread that reads ahead."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Worker(Generic[Result]):
    """Does jobs one after the other in one thread, which does not keep the process alive.

    An executor of the standard library would: a source may wait for ever, and what waits for it
    when Python ends could not be interrupted.

    Example:
        >>> worker = Worker("example")
        >>> worker.submit(lambda: 6 * 7).result()
        42
        >>> worker.close()
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[tuple[Future[Result], Callable[[], Result]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], Result]) -> Future[Result]:
        """Returns what will hold the result of a job."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future: Future[Result] = Future()
        self._jobs.put((future, job))
        return future

    def close(self) -> None:
        """Ends the thread after its jobs; this does not wait for it."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (given := self._jobs.get()) is not None:
            future, job = given
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # for whoever asks for the result
                future.set_exception(error)
            del given, future, job  # while waiting, nothing is kept alive
