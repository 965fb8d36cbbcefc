"""Pictures, where they are asked for: callbax does without matplotlib until then."""

import importlib
from typing import TYPE_CHECKING

from callbax._core._errors import explain

if TYPE_CHECKING:
    from callbax._pictures import _drawings


def load_pictures(where: str) -> "type[_drawings.Drawings]":
    """Returns what draws.

    Args:
        where: The public call that needs it, for errors.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        importlib.import_module("matplotlib")
    except ImportError as error:
        raise ImportError(
            explain(
                where,
                expected="the `matplotlib` library, which draws the picture",
                received="an environment without it",
                action='Install it: pip install "callbax[plot]".',
            )
        ) from error
    drawings: type[_drawings.Drawings]
    drawings = importlib.import_module("callbax._pictures._drawings").Drawings
    return drawings
