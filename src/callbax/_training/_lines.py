"""The runs of a model that are under way, in whatever threads."""

import threading

from callbax._core._errors import explain
from callbax._training._timeline import Timeline


class Lines:
    """The timelines of a model's runs.

    Invariant: a thread that runs something, and whose hooks are therefore called in it, sees its
    own innermost run. Any other thread sees the training run, if there is one.
    """

    def __init__(self) -> None:
        self._of_threads: dict[int, list[Timeline]] = {}
        self._trained: list[tuple[int, Timeline]] = []

    @property
    def current(self) -> Timeline | None:
        """The run that this thread sees; None if the model is at rest for it."""
        own = self._of_threads.get(threading.get_ident())
        if own:
            return own[-1]
        return self._trained[-1][1] if self._trained else None

    @property
    def trains(self) -> bool:
        """Whether the model is being trained."""
        return bool(self._trained)

    @property
    def trained_elsewhere(self) -> bool:
        """Whether another thread trains the model."""
        return any(thread != threading.get_ident() for thread, _ in self._trained)

    def enter(self, line: Timeline, *, trains: bool) -> None:
        """Notes a run of this thread."""
        thread = threading.get_ident()
        self._of_threads.setdefault(thread, []).append(line)
        if trains:
            self._trained.append((thread, line))

    def leave(self, line: Timeline) -> None:
        """Notes the end of a run of this thread."""
        thread = threading.get_ident()
        self._of_threads[thread].remove(line)
        if not self._of_threads[thread]:
            del self._of_threads[thread]
        self._trained = [entry for entry in self._trained if entry[1] is not line]


def already_training(where: str) -> RuntimeError:
    """Returns the error for a second training run of a model that is being trained."""
    return RuntimeError(
        explain(
            where,
            expected="a model that is not being trained",
            received="one whose `fit` is still under way",
            action="Wait for it to end, train a copy.deepcopy of the model, or call "
            "`train_on_batch` in a hook.",
        )
    )
