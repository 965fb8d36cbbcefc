"""What a run asks of the callbacks, all of them behind one object."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

from callbax._core._hooks import Hooks, Logs, Mode
from callbax._core._spans import Spans
from callbax._stores._protocol import RunStore


class RunHooks(Hooks, Protocol):
    """The callbacks of a run: `callbacks.CallbackList` satisfies it."""

    @property
    def spans(self) -> Spans:
        """Where the run is to tell what took how long."""

    def on_validation_end(self, batch: int, logs: Logs) -> None:
        """Calls the hook of a validation within an epoch."""

    def needs_exact(self, mode: Mode) -> bool:
        """Returns whether each batch must have run when its end hook is called."""

    def reads_every(self) -> int | None:
        """Returns after how many batches a callback is set to look at the model, if one is."""

    def joined_by(self, callback: Any) -> AbstractContextManager[None]:
        """Adds one more callback for as long as it lasts."""

    def run_store(self) -> RunStore | None:
        """Returns where the run is recorded; None if it is not."""

    def state_dict(self) -> dict[str, Any]:
        """Returns the states of all callbacks."""

    def save_interrupted(self) -> None:
        """Lets those that record the run do so, as a signal ends it."""

    def teardown(self, error: BaseException | None = None) -> None:
        """Lets every callback close what it holds open, after the error that ended the run."""
