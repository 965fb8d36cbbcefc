"""The hooks of a run: their names stand here, once.

The loop calls what `Hooks` promises; `callbacks.CallbackList` satisfies it. Neither imports the
other.
"""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

Logs = dict[str, Any]
Mode = Literal["train", "test", "predict"]

RUN_HOOKS = (
    "on_train_begin",
    "on_train_end",
    "on_test_begin",
    "on_test_end",
    "on_predict_begin",
    "on_predict_end",
)
EPOCH_HOOKS = ("on_epoch_begin", "on_epoch_end")
BATCH_HOOKS = (
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_validation_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_predict_batch_begin",
    "on_predict_batch_end",
)
HOOKS = RUN_HOOKS + EPOCH_HOOKS + BATCH_HOOKS

ALIASES = {
    "on_train_batch_begin": "on_batch_begin",
    "on_train_batch_end": "on_batch_end",
}
"""Hook -> the older name that its default forwards to."""

_Hook = TypeVar("_Hook", bound=Callable[..., Any])


def default(method: _Hook) -> _Hook:
    """Marks a hook that does nothing of its own, so that the list never calls it."""
    method.__dict__["_is_default"] = True
    return method


class Hooks(Protocol):
    """What the loop calls, and the order it promises is Keras's."""

    def wants(self, hook: str) -> bool:
        """Returns whether anything overrides this hook; if not, its logs need not be built."""

    def on_train_begin(self, logs: Logs) -> None: ...
    def on_train_end(self, logs: Logs) -> None: ...
    def on_test_begin(self, logs: Logs) -> None: ...
    def on_test_end(self, logs: Logs) -> None: ...
    def on_predict_begin(self, logs: Logs) -> None: ...
    def on_predict_end(self, logs: Logs) -> None: ...
    def on_epoch_begin(self, epoch: int, logs: Logs) -> None: ...
    def on_epoch_end(self, epoch: int, logs: Logs) -> None: ...
    def on_train_batch_begin(self, batch: int, logs: Logs) -> None: ...
    def on_train_batch_end(self, batch: int, logs: Logs) -> None: ...
    def on_test_batch_begin(self, batch: int, logs: Logs) -> None: ...
    def on_test_batch_end(self, batch: int, logs: Logs) -> None: ...
    def on_predict_batch_begin(self, batch: int, logs: Logs) -> None: ...
    def on_predict_batch_end(self, batch: int, logs: Logs) -> None: ...
