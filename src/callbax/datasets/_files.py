"""The published files of the data sets: where they are, and how they are known."""

import os
from dataclasses import dataclass
from pathlib import Path

from callbax._core._download import fetch
from callbax._core._errors import explain
from callbax.datasets._cache import FOLDER_VARIABLE, data_folder, keras_folder

_GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TORONTO = "https://www.cs.toronto.edu/~kriz/"


@dataclass(frozen=True)
class DataFile:
    """One file.

    Attributes:
        name: Its name in the cache folder.
        url: Where it is published.
        checksum: What it hashes to, after the algorithm.
        names_in_keras: What it is called in Keras's cache folder, if not the same.
    """

    name: str
    url: str
    checksum: str
    names_in_keras: tuple[str, ...] = ()


_TABLE = (
    DataFile(
        "fashion-mnist/train-images-idx3-ubyte.gz",
        f"{_GOOGLE}train-images-idx3-ubyte.gz",
        "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    ),
    DataFile(
        "fashion-mnist/train-labels-idx1-ubyte.gz",
        f"{_GOOGLE}train-labels-idx1-ubyte.gz",
        "md5:25c81989df183df01b3e8a0aad5dffbe",
    ),
    DataFile(
        "fashion-mnist/t10k-images-idx3-ubyte.gz",
        f"{_GOOGLE}t10k-images-idx3-ubyte.gz",
        "md5:bef4ecab320f06d8554ea6380940ec79",
    ),
    DataFile(
        "fashion-mnist/t10k-labels-idx1-ubyte.gz",
        f"{_GOOGLE}t10k-labels-idx1-ubyte.gz",
        "md5:bb300cfdad3c16e7a12a480ee83cd310",
    ),
    DataFile(
        "cifar-10-python.tar.gz",
        f"{_TORONTO}cifar-10-python.tar.gz",
        "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ("cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz"),
    ),
    DataFile(
        "cifar-100-python.tar.gz",
        f"{_TORONTO}cifar-100-python.tar.gz",
        "sha256:85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
        ("cifar-100-python-target_archive", "cifar-100-python.tar.gz"),
    ),
    DataFile(
        "imdb.npz",
        f"{_GOOGLE}imdb.npz",
        "sha256:69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    ),
    DataFile(
        "imdb_word_index.json",
        f"{_GOOGLE}imdb_word_index.json",
        "md5:bfafd718b763782e994055a2d397834f",
    ),
    DataFile(
        "reuters.npz",
        f"{_GOOGLE}reuters.npz",
        "sha256:d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    ),
    DataFile(
        "reuters_word_index.json",
        f"{_GOOGLE}reuters_word_index.json",
        "md5:4d44cc38712099c9e383dc6e5f11a921",
    ),
    DataFile(
        "boston_housing.npz",
        f"{_GOOGLE}boston_housing.npz",
        "sha256:f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    ),
    DataFile(
        "california_housing.npz",
        f"{_GOOGLE}california_housing.npz",
        "sha256:1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    ),
)

FILES = {file.name: file for file in _TABLE}
"""Name in the cache folder -> the file."""


def find(
    name: str, where: str, *, path: str | os.PathLike[str] | None = None, download: bool
) -> Path:
    """Returns where a file is: in the cache folder, in Keras's, or downloaded.

    Args:
        name: Which of `FILES`.
        where: The public call to name in an error, without backticks.
        path: Another name for it in the cache folder, or an absolute path.
        download: Whether a missing file may be downloaded.

    Raises:
        FileNotFoundError: It is nowhere, and could not or was not to be downloaded.
    """
    published, chosen = FILES[name], Path(path or name).expanduser()
    own = data_folder() / chosen
    in_keras = [keras_folder() / chosen]
    if str(chosen) == name:
        in_keras += [keras_folder() / other for other in published.names_in_keras]
    found = next((file for file in (own, *in_keras) if file.is_file()), None)
    if found is not None:
        return found
    if not download:
        raise _not_found(published, own, where, "download=False")
    try:
        fetch(published.url, published.checksum, own)
    except OSError as error:
        reason = f"the download failed ({type(error).__name__})"
        raise _not_found(published, own, where, reason) from error
    except ValueError as error:
        reason = "what was downloaded has a wrong checksum"
        raise _not_found(published, own, where, reason) from error
    return own


def damaged(where: str, file: Path, expected: str, received: str) -> ValueError:
    """Builds the error for a file that does not hold what it should.

    Args:
        where: The public call, without backticks.
        file: The file.
        expected: What it should hold.
        received: What it holds.
    """
    return ValueError(
        explain(
            where,
            expected=f"{expected} in {file}",
            received=received,
            action="Delete that file: the next call downloads it again.",
        )
    )


def _not_found(published: DataFile, own: Path, where: str, reason: str) -> FileNotFoundError:
    algorithm, checksum = published.checksum.split(":")
    return FileNotFoundError(
        explain(
            where,
            expected=f"the file {own}",
            received=f"no such file; {reason}",
            action=f"Put {published.url} ({algorithm} {checksum}) there. "
            f"${FOLDER_VARIABLE} names another folder.",
        )
    )
