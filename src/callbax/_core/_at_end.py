"""What must be done at the end of a block, and must not hide why it ended."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

Step = Callable[[BaseException | None], Any]
"""Called with the error that ended the block; None if it ended normally."""


class AtEnd:
    """Takes steps at the end of a block, all of them, however it ended.

    If an error ended it, that is what is raised, and the steps' own failures are notes on it.
    Otherwise the first failure is raised.

    Args:
        *steps: In order.

    Example:
        >>> def fail(error):
        ...     raise OSError("disk full")
        >>> try:
        ...     with AtEnd(fail):
        ...         raise ValueError("mine")
        ... except ValueError as error:
        ...     print(error, error.__notes__)
        mine ["Afterwards, OSError('disk full')."]
    """

    def __init__(self, *steps: Step) -> None:
        self._steps = steps

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.take(error)

    def take(self, error: BaseException | None) -> None:
        """Takes the steps.

        Args:
            error: What ended the block; it is not raised here.
        """
        first: BaseException | None = None
        for step in self._steps:
            try:
                step(error or first)
            except BaseException as failure:
                reason = error or first
                if reason is None:
                    first = failure
                else:
                    reason.add_note(f"Afterwards, {failure!r}.")
        if first is not None:
            raise first
