"""Which fit of a script it is: how many with a directory have ended in this process.

A script is one process, and only the process as a whole knows which of its fits came before; so
this count is the process's, too.
"""

import os

_ended: dict[str, int] = {}


def fits_ended(directory: str) -> int:
    """Returns how many fits with a directory have ended in this process."""
    return _ended.get(os.path.realpath(directory), 0)


def count_fit(directory: str) -> None:
    """Counts one more."""
    place = os.path.realpath(directory)
    _ended[place] = _ended.get(place, 0) + 1
