"""Attributes of callbacks that are checked whenever they are assigned."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


def optional(check: Callable[[str, str, Any], T]) -> Callable[[str, str, Any], T | None]:
    """Returns a check that lets None pass, too."""

    def none_or(where: str, name: str, value: Any) -> T | None:
        return None if value is None else check(where, name, value)

    return none_or


class Setting(Generic[T]):
    """An attribute that holds what a check makes of each value that is assigned to it.

    The constructor assigns it as users do later, so that both are refused in the same words.

    Args:
        check: Class name of the callback, name of the argument, and value -> the legal value. It
            raises if the value is illegal.
        argument: The constructor's name for it; None if that is the attribute's name.

    Example:
        >>> from callbax._core._arguments import count
        >>> class Waiter:
        ...     patience = Setting(count)
        >>> waiter = Waiter()
        >>> waiter.patience = "3"
        Traceback (most recent call last):
        ValueError: `Waiter(patience='3')`: expected a positive integer, received '3' (str).
        Pass `patience` of at least 1.
    """

    def __init__(self, check: Callable[[str, str, Any], T], *, argument: str | None = None) -> None:
        self._check = check
        self._argument = argument

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, callback: None, owner: type) -> "Setting[T]": ...
    @overload
    def __get__(self, callback: object, owner: type | None = None) -> T: ...
    def __get__(self, callback: object, owner: type | None = None) -> "Setting[T] | T":
        if callback is None:
            return self
        try:
            found: T = vars(callback)[self._name]
        except KeyError:  # A subclass that never called `super().__init__()`.
            raise AttributeError(f"{type(callback).__name__}.{self._name} is not set") from None
        return found

    def __set__(self, callback: object, value: Any) -> None:
        argument = self._argument or self._name
        vars(callback)[self._name] = self._check(type(callback).__name__, argument, value)
