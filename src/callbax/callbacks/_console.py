"""Where the messages of callbacks go."""

import sys


def print_message(message: str) -> None:
    """Writes a line to the standard output in force now, so that redirecting it works."""
    if sys.stdout is not None:  # A Windows program without a console has none.
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()
