"""Where data set files live, and how a missing one is fetched."""

import os
from pathlib import Path

import pooch
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

FOLDER_VARIABLE = "CALLBAX_DATA_DIR"

_CHUNK_BYTES = 1 << 16
_TIMEOUT_SECONDS = 30


def data_folder() -> Path:
    """Returns the cache folder: ``$CALLBAX_DATA_DIR``, else callbax's own below the user's."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("callbax"))


def keras_folder() -> Path:
    """Returns the folder in which Keras keeps the same files (``$KERAS_HOME`` is honoured)."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


def fetch(url: str, sha256: str, file: Path) -> None:
    """Fetches a file with a progress bar; one with another checksum is never left behind.

    Args:
        url: Where it is.
        sha256: What it must hash to.
        file: Where to put it; its folder is created.

    Raises:
        OSError: The network or the disk said no (``requests``' exceptions are ``OSError`` too).
        ValueError: What arrived has another checksum.
    """
    columns = (TextColumn(file.name), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        downloader = pooch.HTTPDownloader(
            progressbar=_Bar(progress), chunk_size=_CHUNK_BYTES, timeout=_TIMEOUT_SECONDS
        )
        pooch.retrieve(url, f"sha256:{sha256}", file.name, file.parent, downloader=downloader)


class _Bar:
    """What pooch expects of a progress bar, drawn by rich (pooch's own would need tqdm)."""

    total = 0

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def update(self, count: int) -> None:
        self._progress.update(self._task, advance=count, total=self.total or None)

    def reset(self) -> None:
        self._progress.reset(self._task, total=self.total or None)

    def close(self) -> None:
        self._progress.stop()
