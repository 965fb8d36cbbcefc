"""A record of every hook call."""

import copy
from functools import partial
from typing import Any, NamedTuple

from callbax._core._arguments import one_of
from callbax._core._hooks import HOOKS, RUN_HOOKS, Logs
from callbax.callbacks import Callback
from callbax.testing._differences import first_difference


class HookCall(NamedTuple):
    """One call of a hook.

    Attributes:
        hook: Its name.
        at: The epoch or batch that it was called with; None for hooks that get neither.
        logs: A copy of its logs.
    """

    hook: str
    at: int | None
    logs: Logs


class HookRecord(Callback):
    """Records hook calls in order; see `record_hooks`.

    Two records are equal if all calls are, with every number equal to the bit.

    Args:
        hooks: Which hooks to record.

    Attributes:
        calls: What was called, in order.

    Example:
        >>> record = HookRecord(["on_epoch_end"])
        >>> record.on_epoch_end(0, {"loss": 0.5})
        >>> record.calls
        [HookCall(hook='on_epoch_end', at=0, logs={'loss': 0.5})]
    """

    execution = "fused"
    adds_logs = ()

    def __init__(self, hooks: list[str]) -> None:
        super().__init__()
        self.calls: list[HookCall] = []
        for hook in hooks:
            setattr(self, hook, partial(self._record, hook))

    @property
    def names(self) -> list[str]:
        """The names of the hooks that were called, in order."""
        return [call.hook for call in self.calls]

    def _record(self, hook: str, *given: Any, logs: Logs | None = None) -> None:
        """Takes what any hook is called with: a number or none, then logs, by name or not."""
        at = None if hook in RUN_HOOKS else given[0]
        rest = given if at is None else given[1:]
        logs = rest[0] if rest else logs
        self.calls.append(HookCall(hook, at, copy.deepcopy(logs or {})))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HookRecord):
            return NotImplemented
        return first_difference(self.calls, other.calls) is None

    __hash__ = Callback.__hash__

    def __repr__(self) -> str:
        return f"HookRecord({len(self.calls)} calls)"


def record_hooks(*hooks: str) -> HookRecord:
    """Returns a callback that records every call of a hook: its name, epoch or batch, and logs.

    Use it in tests, to compare two runs call by call. It changes nothing about a run: many steps
    may still be run in one dispatch.

    Args:
        *hooks: Names of the hooks to record; by default all of them.

    Raises:
        ValueError: There is no hook of that name.

    Example:
        >>> import callbax, numpy as np
        >>> def run():
        ...     callbax.utils.set_random_seed(0)
        ...     model = callbax.Sequential([callbax.layers.Dense(1)])
        ...     model.compile("sgd", "mse")
        ...     record = record_hooks("on_epoch_begin", "on_train_batch_end")
        ...     x = np.ones((6, 2), "float32")
        ...     _ = model.fit(x, x[:, :1], batch_size=3, verbose=0, callbacks=record)
        ...     return record
        >>> record = run()
        >>> record.names
        ['on_epoch_begin', 'on_train_batch_end', 'on_train_batch_end']
        >>> record == run()
        True
    """
    for hook in hooks:
        one_of("record_hooks", "hooks", hook, HOOKS)
    return HookRecord(list(hooks or HOOKS))
