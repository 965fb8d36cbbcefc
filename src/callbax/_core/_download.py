"""How a file is fetched from the network, and where Keras keeps such files."""

import errno
import os
from pathlib import Path

import pooch
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from callbax._core._errors import explain

_CHUNK_BYTES = 1 << 16
_TIMEOUT_SECONDS = 30
MOST_BYTES = 2**36
"""What a download may have: 64 GiB, more than any data set that is fetched as one file."""


def keras_home() -> Path:
    """Returns the folder of Keras's own files: ``$KERAS_HOME``, else ``~/.keras``."""
    home = os.environ.get("KERAS_HOME")
    return Path(home) if home else Path.home() / ".keras"


def fetch(url: str, checksum: str | None, file: Path, *, limit: int = MOST_BYTES) -> None:
    """Fetches a file with a progress bar; one with another checksum is never left behind.

    Args:
        url: Where it is.
        checksum: What it must hash to, after the algorithm: ``"sha256:..."``; None for anything.
        file: Where to put it; its folder is created.
        limit: Bytes that it may have.

    Raises:
        OSError: It has more bytes, or the network or the disk said no (``requests``' exceptions are
            ``OSError`` too).
        ValueError: What arrived has another checksum.
    """
    columns = (TextColumn(file.name), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        downloader = pooch.HTTPDownloader(
            progressbar=_Bar(progress, url, limit),
            chunk_size=_CHUNK_BYTES,
            timeout=_TIMEOUT_SECONDS,
        )
        pooch.retrieve(url, checksum, file.name, file.parent, downloader=downloader)


class _Bar:
    """What pooch expects of a progress bar, drawn by rich (pooch's own would need tqdm).

    As it hears of every piece, it is also what ends a download that grows too large: a server need
    not say beforehand how much it will send.
    """

    total = 0

    def __init__(self, progress: Progress, url: str, limit: int) -> None:
        self._progress, self._url, self._limit = progress, url, limit
        self._task = progress.add_task("", total=None)
        self._received = 0

    def update(self, count: int) -> None:
        self._received += count
        if max(self._received, self.total) > self._limit:
            raise OSError(
                errno.EFBIG,
                explain(
                    f"fetch({self._url!r})",
                    expected=f"a file of at most {self._limit} bytes",
                    received=f"more: {max(self._received, self.total)}",
                    action="Fetch it by other means if it is meant to be that large.",
                ),
            )
        self._progress.update(self._task, advance=count, total=self.total or None)

    def reset(self) -> None:
        self._progress.reset(self._task, total=self.total or None)

    def close(self) -> None:
        self._progress.stop()
