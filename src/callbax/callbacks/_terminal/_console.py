"""The messages of callbacks: where they go, and how they name a place in the run."""

import importlib
import sys

from callbax._core._keras import loaded_keras
from callbax.callbacks._model_view import Watching, is_in_lead


def print_message(message: str) -> None:
    """Writes a line to the standard output current at that moment, so that redirecting it works.

    Characters that the output cannot show are written as escapes, and an output that takes
    nothing (closed, a full disk, a reader that has left) is passed over: no run ends for a message.
    After ``keras.config.disable_interactive_logging()`` it goes to the log, as Keras's own do.
    """
    keras = loaded_keras()
    if keras is not None and not keras.config.is_interactive_logging_enabled():
        importlib.import_module("absl.logging").info(message)
        return
    out = sys.stdout
    if out is None:  # A Windows program without a console has none.
        return
    try:
        out.write(showable(f"{message}\n", getattr(out, "encoding", None)))
        out.flush()
    except (OSError, ValueError):
        pass


def showable(text: str, encoding: str | None) -> str:
    r"""Returns a text with escapes for the characters that an encoding lacks.

    Example:
        >>> print(showable("größe", "ascii"))
        gr\xf6\xdfe
    """
    if encoding is None:  # Text stays text there.
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


def say(callback: Watching, message: str) -> None:
    """Prints a message of a callback, in the lead process alone."""
    if is_in_lead(callback):
        print_message(message)


def place(epoch: int | None, batch: int | None = None) -> str:
    """Names an epoch and a batch of it, given from 0, as people count.

    Example:
        >>> place(2), place(0, 499)
        ('epoch 3', 'epoch 1, batch 500')
    """
    numbers = {"epoch": epoch, "batch": batch}
    return ", ".join(f"{name} {n + 1}" for name, n in numbers.items() if n is not None)
