"""Orbax, if a user's call needs it."""

import importlib
from typing import Any

from callbax._core._errors import explain


def load_orbax(where: str) -> Any:
    """Returns the first version of Orbax's interface.

    Args:
        where: The public call that needs it, for an error, without backticks.

    Raises:
        ImportError: `orbax-checkpoint` is not installed, or is too old.
    """
    try:
        return importlib.import_module("orbax.checkpoint").v1
    except (ImportError, AttributeError) as error:
        raise ImportError(
            explain(
                where,
                expected="the `orbax-checkpoint` library of at least version 0.11.18",
                received="a Python without it",
                action="Install it: pip install orbax-checkpoint.",
            )
        ) from error
