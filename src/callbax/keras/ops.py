"""Keras's room of this name."""

from typing import Any

from callbax.keras._through import through_keras


def __getattr__(name: str) -> Any:
    """Finds a name in Keras."""
    return through_keras("ops")(name)
