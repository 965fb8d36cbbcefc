"""Attributes of optimizers that are checked, and live, whenever they are assigned."""

from collections.abc import Callable
from typing import Any, Protocol

from callbax.optimizers._arguments import number
from callbax.optimizers._live import Live


class Optimizing(Protocol):
    """What has live numbers."""

    live: Live


class LiveNumber:
    """A number of an optimizer; assigned in training it counts from the next step on.

    A subclass of `Optimizer` declares its numbers so, and assigns them in its constructor.

    Args:
        check: Class name of the optimizer, name of the number, and value -> the legal value. It
            raises if the value is illegal. By default any number from 0 on is legal.

    Example:
        >>> from callbax.optimizers.sgd import SGD
        >>> class Damped(SGD):
        ...     damping = LiveNumber()
        ...     def __init__(self, damping=0.5):
        ...         super().__init__()
        ...         self.damping = damping
        >>> Damped(damping=0.25).damping
        0.25
    """

    compiled = False
    """Whether it is compiled into every step."""

    def __init__(self, check: Callable[[str, str, Any], Any] = number) -> None:
        self._check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, optimizer: Optimizing | None, owner: type | None = None) -> Any:
        return self if optimizer is None else optimizer.live.number(self._name)

    def __set__(self, optimizer: Optimizing, value: Any) -> None:
        checked = self._check(type(optimizer).__name__, self._name, value)
        optimizer.live.assign(self._name, checked, compiled=self.compiled)


class CompiledSetting(LiveNumber):
    """What decides how steps are compiled, such as a switch; it is settled once training begins."""

    compiled = True

    def __init__(
        self, check: Callable[[str, str, Any], Any] = lambda owner, name, value: value
    ) -> None:
        super().__init__(check)
