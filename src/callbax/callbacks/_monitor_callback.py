"""What callbacks that act on a metric have in common, under the names that Keras's have."""

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from callbax._core._hooks import Logs
from callbax.callbacks._callback import Callback
from callbax.callbacks._monitor import Monitor, known_mode, least_change, log_key
from callbax.callbacks._settings import Setting


class _LeastChange(Setting[float]):
    """Reads with the sign of the direction once that is known, as in Keras.

    Subclasses compare by ``monitor_op(value - min_delta, best)``.
    """

    @overload
    def __get__(self, callback: None, owner: type) -> Setting[float]: ...
    @overload
    def __get__(self, callback: object, owner: type | None = None) -> float: ...
    def __get__(self, callback: object, owner: type | None = None) -> Setting[float] | float:
        found = super().__get__(callback, owner)
        if isinstance(callback, MonitorCallback) and callback.monitor_op is np.less:
            return -found
        return found


class MonitorCallback(Callback):
    """Base of callbacks that act on a metric; subclasses of these may override what it has.

    Args:
        monitor: Key in the logs.
        mode: ``"min"``, ``"max"`` or ``"auto"``.
        min_delta: Least change that counts as an improvement.

    Attributes:
        best: Best value so far; None before the first.
    """

    monitor: Setting[str] = Setting(log_key)
    mode: Setting[str] = Setting(known_mode)
    min_delta: Setting[float] = _LeastChange(least_change)

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0) -> None:
        super().__init__()
        self._monitor = Monitor(self)
        self.monitor = monitor
        self.mode = mode
        self.min_delta = min_delta
        self.best: float | None = None

    @property
    def monitor_op(self) -> Callable[[Any, Any], Any] | None:
        """``numpy.less`` or ``numpy.greater``, which tells whether a value is better than another.

        None before the direction is known. A function of (value, reference) may be assigned.
        """
        if self._monitor.op is not None:
            return self._monitor.op
        return {None: None, False: np.less, True: np.greater}[self._monitor.known_direction]

    @monitor_op.setter
    def monitor_op(self, op: Callable[[Any, Any], Any] | None) -> None:
        self._monitor.op = op

    def _set_monitor_op(self) -> None:
        """Settles which way is better; called before the first step while that is unknown."""
        self._monitor.resolve(self.model)

    def _is_improvement(self, monitor_value: Any, reference_value: Any) -> bool:
        """Returns whether a value is better than a reference, which may be None."""
        return self._monitor.improves(monitor_value, reference_value)

    def _need_direction(self) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()

    def _epoch_decides(self, logs: Logs | None) -> bool:
        """Returns whether the value is due at an epoch's end, and which way is better is known."""
        self._need_direction()
        return self._monitor.epoch_ended(logs, self.model)
