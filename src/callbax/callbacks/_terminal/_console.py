"""The messages of callbacks: where they go, and how they name a place in the run."""

import sys


def print_message(message: str) -> None:
    """Writes a line to the standard output current at that moment, so that redirecting it works."""
    if sys.stdout is not None:  # A Windows program without a console has none.
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()


def place(epoch: int | None, batch: int | None = None) -> str:
    """Names an epoch and a batch of it, given from 0, as people count.

    Example:
        >>> place(2), place(0, 499)
        ('epoch 3', 'epoch 1, batch 500')
    """
    numbers = {"epoch": epoch, "batch": batch}
    return ", ".join(f"{name} {n + 1}" for name, n in numbers.items() if n is not None)
