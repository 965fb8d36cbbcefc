"""Names that callbax does not have, found in Keras if it is installed."""

import sys
from collections.abc import Callable
from typing import Any

from callbax._core._keras import load_keras
from callbax._core._missing import Missing
from callbax.layers._symbolic import takes_inputs


def through_keras(room: str, missing: Missing | None = None) -> Callable[[str], Any]:
    """Returns a module's ``__getattr__`` that looks a name up in Keras.

    Args:
        room: Which of Keras's modules: ``"layers"``, "" for the package itself.
        missing: Raises what callbax says of a name, if Keras does not have it either or is not
            installed; None for a room whose names are all Keras's.
    """

    def find(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        asking = sys._getframe(1)  # noqa: SLF001  the documented way to the caller
        try:
            found = load_keras(".".join(filter(None, ("callbax.keras", room, name))))
        except ImportError as error:
            if missing is None:
                raise
            return missing(name, asking, f" {str(error).splitlines()[-1]}")
        takes_inputs(found)
        try:
            for part in (*filter(None, room.split(".")), name):
                found = getattr(found, part)
        except AttributeError:
            if missing is None:
                raise
            return missing(name, asking)
        return found

    return find
