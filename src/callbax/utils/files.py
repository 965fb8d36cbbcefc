"""Files from the network, kept."""

import hashlib
import importlib
import os
import tarfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from callbax._core._arguments import one_of
from callbax._core._errors import describe, explain
from callbax._core._unpacking import (
    DAMAGES,
    EXPANSION,
    ROOM,
    ExplodingError,
    check_zip_member,
    tar_archive,
)

_LENGTHS = {32: "md5", 64: "sha256"}
_WITHOUT = "md5 or sha256"

ArchiveFormats = str | list[str] | tuple[str, ...] | None
"""``"auto"``, ``"tar"``, ``"zip"``, or several of these."""


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: ArchiveFormats = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Fetches a file unless it is there already, and may unpack it.

    Use it for data that a script needs; what is fetched is kept in Keras's own cache, so that both
    libraries find it.

    Differs from Keras: another file than the expected one is never left behind; what is not an
    archive is refused if it is to be unpacked.

    Args:
        fname: Its name in the cache; ``None`` for that in the address.
        origin: Its address.
        untar: Older spelling of ``extract`` for tar archives.
        md5_hash: Older spelling of ``file_hash``.
        file_hash: What it must hash to; ``None`` for anything.
        cache_subdir: Folder below ``cache_dir``, or an absolute one.
        hash_algorithm: "md5", "sha256", or "auto", which goes by the length of the hash.
        extract: Whether to unpack it.
        archive_format: "tar", "zip", a list of these, or "auto" for both; ``None`` unpacks nothing.
        cache_dir: The cache; ``None`` for ``$KERAS_HOME``, else ``~/.keras``.
        force_download: Whether to fetch it even if it is there.

    Returns:
        Path of the file, or of the folder that it was unpacked into.

    Raises:
        OSError: The network or the disk said no.
        ValueError: There is no address, the name has folders in it, or what arrived has another
            checksum, is not an archive, or unpacks to far more than its size.

    Example:
        >>> get_file("notes.txt", "https://example.org/notes.txt")  # doctest: +SKIP
        '/home/me/.keras/datasets/notes.txt'

    Source: https://keras.io/api/utils/python_utils/#getfile-function
    """
    name = _name(fname, origin)
    checksum = _checksum(md5_hash or file_hash, "md5" if md5_hash else hash_algorithm)
    # Only now: what fetches files is slow to import.
    download = importlib.import_module("callbax._core._download")
    base = Path(cache_dir).expanduser() if cache_dir else download.keras_home()
    folder = base / cache_subdir
    unpacks = extract or untar
    target, unpacked = _places(folder, name, given=fname is not None)
    file = target if unpacks else folder / name
    if force_download or not _is_there(file, checksum):
        file.unlink(missing_ok=True)
        download.fetch(origin, checksum, file)
    if not unpacks:
        return str(file)
    return str(_unpack(file, unpacked, "tar" if untar else archive_format))


def _name(fname: str | os.PathLike[str] | None, origin: str | None) -> str:
    if not origin:
        raise _refusal("origin", "the address of a file", describe(origin), "Pass its URL.")
    name = os.fspath(fname) if fname else Path(urlsplit(origin).path).name
    if not name or os.sep in name:
        action = "Name the folder by `cache_subdir` or `cache_dir`."
        raise _refusal("fname", "a name without folders", describe(name), action)
    return name


def _checksum(digest: str | None, algorithm: str) -> str | None:
    """Returns a checksum after its algorithm, as pooch wants it."""
    one_of("get_file", "hash_algorithm", algorithm, ("auto", "md5", "sha256"))
    if digest is None:
        return None
    found = _LENGTHS.get(len(digest)) if algorithm == "auto" else algorithm
    if _LENGTHS.get(len(digest)) != found or found is None:
        received = f"{len(digest)} characters"
        raise _refusal("file_hash", f"a hash of {_WITHOUT}", received, "Compute it again.")
    return f"{found}:{digest.lower()}"


def _is_there(file: Path, checksum: str | None) -> bool:
    if checksum is None or not file.is_file():
        return file.is_file()
    algorithm, digest = checksum.split(":")
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest() == digest


def _places(folder: Path, name: str, *, given: bool) -> tuple[Path, Path]:
    """Returns where an archive and what is in it go; the names are Keras's."""
    if given and "." in name:
        return folder / name, folder / f"{name[: name.find('.')]}_extracted"
    return folder / f"{name}_archive", folder / name


def _unpack(file: Path, folder: Path, archive_format: ArchiveFormats) -> Path:
    formats = [archive_format] if isinstance(archive_format, str) else list(archive_format or ())
    formats = ["tar", "zip"] if formats == ["auto"] else formats
    for kind in formats:
        one_of("get_file", "archive_format", kind, ("tar", "zip"))
    try:
        if "tar" in formats and _unpack_tar(file, folder):
            return folder
        if "zip" in formats and zipfile.is_zipfile(file):
            _unpack_zip(file, folder)
            return folder
    except (*DAMAGES, ExplodingError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the archive
        received = f"one that cannot be unpacked, {file}: {error}"
        action = "Delete that file, and fetch it from a source that you trust."
        raise _refusal("extract", "a whole archive", received, action) from error
    expected = f"an archive ({' or '.join(formats) or 'of no kind'})"
    action = "Leave `extract` out, or name its `archive_format`."
    raise _refusal("extract", expected, f"another file, {file}", action)


def _unpack_tar(file: Path, folder: Path) -> bool:
    """Unpacks a tar file, to no more than its size justifies; returns whether it is one."""
    left = max(ROOM, EXPANSION * file.stat().st_size)

    def bounded(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        nonlocal left
        left -= member.size
        if left < 0:
            raise ExplodingError("its files are far larger than it is")
        return tarfile.data_filter(member, path)

    with ExitStack() as stack:
        try:
            archive = stack.enter_context(tar_archive(file))
        except ExplodingError:
            raise
        except DAMAGES:
            return False
        archive.extractall(folder, filter=bounded)
    return True


def _unpack_zip(file: Path, folder: Path) -> None:
    """Unpacks a zip file, to no more than its size justifies."""
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            check_zip_member(info)
        if sum(info.file_size for info in archive.infolist()) > max(
            ROOM, EXPANSION * file.stat().st_size
        ):
            raise ExplodingError("its files are far larger than it is")
        archive.extractall(folder)


def _refusal(
    argument: Literal["origin", "fname", "file_hash", "extract"],
    expected: str,
    received: str,
    action: str,
) -> ValueError:
    return ValueError(
        explain(f"get_file({argument}=...)", expected=expected, received=received, action=action)
    )
