"""What a room answers when it is asked for a name that it does not have."""

import dis
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, Protocol

from callbax._core._errors import closest, explain

_IMPORT_FROM = dis.opmap["IMPORT_FROM"]


class Missing(Protocol):
    """A module's ``__getattr__`` that raises."""

    def __call__(self, name: str, asking: FrameType | None = None, more: str = "") -> Any:
        """Raises what there is to say of a name.

        Args:
            name: The name.
            asking: Who asks for it; by default the caller.
            more: One more sentence on what to do.
        """


def missing_names(room: str, instead: str, hints: Mapping[str, str] | None = None) -> Missing:
    """Returns a module's ``__getattr__``, which says what there is in place of a name of Keras's.

    Args:
        room: Full name of the module; its ``__all__`` are the names that it has.
        instead: Whole sentences on what to use.
        hints: Name -> what to use in place of that one.

    Example:
        >>> import callbax.layers
        >>> try:
        ...     callbax.layers.Dence
        ... except AttributeError as error:
        ...     print(str(error).splitlines()[0])
        `callbax.layers.Dence`: expected a name that callbax has, received "Dence".
    """

    def missing(name: str, asking: FrameType | None = None, more: str = "") -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        alternative = (hints or {}).get(name, instead)
        message = explain(
            f"{room}.{name}",
            expected="a name that callbax has",
            received=f'"{name}"',
            action=f"{closest(name, sys.modules[room].__all__)} {alternative}{more}",
        )
        # Python passes over an AttributeError in `from room import name`, and its own says nothing.
        asking = asking or sys._getframe(1)  # noqa: SLF001  the documented way to the caller
        code, at = asking.f_code.co_code, asking.f_lasti
        if at >= 0 and code[at] == _IMPORT_FROM:
            raise ImportError(message, name=room)
        raise AttributeError(message, name=name)

    return missing
