"""What a run asks of the callbacks, all of them behind one object."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from callbax._core._hooks import Hooks, Logs, Mode
from callbax._stores._protocol import RunStore


class RunHooks(Hooks, Protocol):
    """The callbacks of a run: `callbacks.CallbackList` satisfies it."""

    def on_validation_end(self, batch: int, logs: Logs) -> None:
        """Calls the hook of a validation within an epoch."""

    def needs_exact(self, mode: Mode) -> bool:
        """Returns whether each batch must have run when its end hook is called."""

    def joined_by(self, callback: Any) -> AbstractContextManager[None]:
        """Adds one more callback for as long as it lasts."""

    def run_store(self) -> RunStore | None:
        """Returns where the run is recorded; None if it is not."""

    def state_dict(self) -> dict[str, Any]:
        """Returns the states of all callbacks."""

    def resume(self, epoch: int, states: Mapping[str, Any]) -> None:
        """Restores the states of all callbacks, in an epoch that had begun."""

    def teardown(self, error: BaseException | None = None) -> None:
        """Lets every callback close what it holds open, after the error that ended the run."""
