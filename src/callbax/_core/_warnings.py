"""Warnings that blame the line of the user's script that caused them."""

import contextlib
import os
import sys
import warnings
from importlib.util import find_spec

_BETWEEN = (
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep,
    *(os.path.dirname(str(find_spec(name).origin)) + os.sep for name in ("jax", "flax")),  # type: ignore[union-attr]
    contextlib.__file__,
)
"""Files that are never to blame: the package's own, and what calls it back while it traces."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warns, and names the first line outside of the package as the place.

    Args:
        message: What the user should know.
        category: The kind of warning.
    """
    level, frame = 1, sys._getframe()  # noqa: SLF001  the documented way to the caller's frame
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
