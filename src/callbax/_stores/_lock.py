"""A directory that only one run at a time may use."""

import errno
import os
from contextlib import suppress

from callbax._core._errors import explain
from callbax.saving._atomic import unusable

try:
    import fcntl
except ImportError:  # Windows, where directories cannot be locked
    fcntl = None  # type: ignore[assignment]

_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL}
"""What file systems answer that know no locks; there nothing is refused."""


class Lock:
    """Holds a directory; the system lets go of it when the process ends, however it ends.

    Args:
        directory: The directory, which exists.
        where: The public call to name in an error, without backticks.

    Raises:
        OSError: Another run uses it, or it cannot be opened.
    """

    def __init__(self, directory: str, *, where: str) -> None:
        self._descriptor: int | None = None
        if fcntl is None:
            return
        try:
            self._descriptor = os.open(directory, os.O_RDONLY)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise OSError(
                errno.EWOULDBLOCK,
                explain(
                    where,
                    expected="a directory that no other run uses",
                    received=f'"{directory}", in which a run that is under way records itself',
                    action="Wait for that run to end, or take another directory.",
                ),
            ) from error
        except OSError as error:
            self.release()
            if error.errno not in _UNSUPPORTED:
                raise unusable(where, directory, "a directory", error) from error

    def release(self) -> None:
        """Lets others use the directory."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                # Processes that were forked meanwhile, as loaders do, have the descriptor too.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            with suppress(OSError):
                os.close(descriptor)
