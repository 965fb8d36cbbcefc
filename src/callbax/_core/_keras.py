"""Keras, where it is asked for: callbax does without it until then."""

import importlib
import os
import sys
from typing import Any

from callbax._core._errors import explain


def import_keras(where: str) -> Any:
    """Imports Keras, on the JAX backend if nobody has chosen another one.

    Args:
        where: What needs it, for errors.

    Raises:
        ImportError: It is not installed, or its backend is not.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        keras: Any = importlib.import_module("keras")
    except ImportError as error:
        without = error.name == "keras"
        backend = os.environ.get("KERAS_BACKEND")
        raise ImportError(
            explain(
                where,
                expected="an environment with Keras 3",
                received="none" if without else f"one where the backend {backend!r} fails: {error}",
                action='Install it: pip install "callbax[keras]".'
                if without
                else "Set KERAS_BACKEND=jax in the environment before keras is imported.",
            )
        ) from error
    return keras


def load_keras(where: str) -> Any:
    """Imports Keras on the JAX backend.

    Args:
        where: What needs it, for errors.

    Raises:
        ImportError: It is not installed, or runs on another backend.
    """
    keras = import_keras(where)
    if (backend := keras.backend.backend()) != "jax":
        raise ImportError(
            explain(
                where,
                expected="Keras on the JAX backend",
                received=f"the backend {backend!r}",
                action="Set KERAS_BACKEND=jax in the environment before keras is imported.",
            )
        )
    return keras


def loaded_keras() -> Any:
    """Returns the package ``keras``; None if it was not imported, or if the name is another's."""
    package = sys.modules.get("keras")
    return package if getattr(package, "__name__", None) == "keras" else None


def is_of_keras(value: object, room: str, name: str) -> bool:
    """Returns whether something is of one of Keras's classes, without importing Keras.

    Args:
        value: Anything.
        room: Where the class is: ``"layers"``; "" for the package itself.
        name: Its name: ``"Layer"``.
    """
    package = loaded_keras()
    place = getattr(package, room, None) if room else package
    kind = getattr(place, name, None)
    return isinstance(kind, type) and isinstance(value, kind)
