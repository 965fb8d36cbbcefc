"""The messages of callbacks: where they go, and how they name a place in the run."""

import sys

from callbax.callbacks._model_view import Watching


def print_message(message: str) -> None:
    """Writes a line to the standard output current at that moment, so that redirecting it works."""
    if sys.stdout is not None:  # A Windows program without a console has none.
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()


def say(callback: Watching, message: str) -> None:
    """Prints a message of a callback, in the lead process alone."""
    # `is False`, as a model that is not callbax's has no such attribute.
    if getattr(callback.model, "is_lead", True) is not False:
        print_message(message)


def place(epoch: int | None, batch: int | None = None) -> str:
    """Names an epoch and a batch of it, given from 0, as people count.

    Example:
        >>> place(2), place(0, 499)
        ('epoch 3', 'epoch 1, batch 500')
    """
    numbers = {"epoch": epoch, "batch": batch}
    return ", ".join(f"{name} {n + 1}" for name, n in numbers.items() if n is not None)
