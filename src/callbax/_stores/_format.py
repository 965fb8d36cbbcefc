"""How a state of a run lies on disk."""

import os
from collections.abc import Callable
from typing import Protocol

from callbax._stores._orbax_format import OrbaxFormat
from callbax._stores._protocol import RunState
from callbax._stores._run_file import Hdf5Format
from callbax.saving._contents import Contents


class Format(Protocol):
    """Writes states of runs to paths, and reads them."""

    @property
    def suffix(self) -> str:
        """How the names of its files or directories end."""

    @property
    def divided(self) -> bool:
        """Whether every process writes what its devices hold; else the first writes all."""

    def begin(self, path: str, run: RunState, *, where: str, leads: bool) -> Callable[[], None]:
        """Takes a state; nothing in it need stay as it is when this returns.

        Args:
            path: Where it is to lie.
            run: The state.
            where: The public call to name in an error, without backticks.
            leads: Whether this process is the one that moves and removes files.

        Returns:
            What writes it, or waits until it is written, in any thread.

        Raises:
            TypeError: A callback's state holds what no file can.
            OSError: It cannot be written; what lay at the path is as it was.
        """

    def read(self, path: str, *, where: str, like: Contents | None) -> RunState:
        """Reads a state.

        Args:
            path: The file or directory.
            where: The public call to name in an error, without backticks.
            like: Arrays of the shapes and on the devices on which those of the state belong; None
                reads them to the host. A format that is not divided always does that.

        Raises:
            OSError: It is damaged, cut short, of a later version or of another kind.
        """

    def remove(self, path: str) -> None:
        """Removes a state, if it is there."""


FORMATS: dict[str, Format] = {"hdf5": Hdf5Format(), "orbax": OrbaxFormat()}
"""The formats by the names that users give them."""


def read_state(path: str, *, where: str) -> RunState:
    """Reads a state of any format to the host.

    Raises:
        OSError: It is damaged, cut short, of a later version or of another kind.
    """
    orbax, hdf5 = FORMATS["orbax"], FORMATS["hdf5"]
    return (orbax if os.path.isdir(path) else hdf5).read(path, where=where, like=None)
