"""MNIST: 70,000 handwritten digits."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from callbax._core._download import fetch
from callbax._core._errors import describe, explain
from callbax._core._unpacking import DAMAGES
from callbax.datasets._cache import FOLDER_VARIABLE, data_folder, keras_folder
from callbax.datasets._idx import read_idx
from callbax.datasets._npz import npz_array

TrainPart = tuple[UInt8[NDArray[Any], "60000 28 28"], UInt8[NDArray[Any], " 60000"]]
TestPart = tuple[UInt8[NDArray[Any], "10000 28 28"], UInt8[NDArray[Any], " 10000"]]

_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

_SHAPES = {
    "x_train": (60000, 28, 28),
    "y_train": (60000,),
    "x_test": (10000, 28, 28),
    "y_test": (10000,),
}
_IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def load_data(
    path: str | os.PathLike[str] = "mnist.npz", *, download: bool = True
) -> tuple[TrainPart, TestPart]:
    """Loads MNIST: 28x28 grey-scale images of the digits 0 to 9.

    Use it to try a model on something real. Looked for, in this order: the file in the cache
    folder (``$CALLBAX_DATA_DIR``, else ``callbax`` in the user's cache folder); beside it the four
    IDX files of the original publication, as ``.gz`` or unpacked; the file in Keras's own cache.
    It is downloaded only if all of these are missing, and its checksum verified.

    Differs from Keras: reads IDX files too, takes an absolute path, checks shapes and dtypes, and
    can be told not to download.

    Args:
        path: Name of the ``.npz`` file in the cache folder, or an absolute path to it.
        download: Whether a missing file may be downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, all uint8: images of shapes (60000, 28, 28) and
        (10000, 28, 28) with values 0 to 255, labels of shapes (60000,) and (10000,).

    Raises:
        FileNotFoundError: Nothing is cached, and nothing could be or was to be downloaded.
        ValueError: A file is damaged, or holds something else.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, x_train.dtype, y_test.shape  # doctest: +SKIP
        ((60000, 28, 28), dtype('uint8'), (10000,))

    Source: Y. LeCun, C. Cortes, http://yann.lecun.com/exdb/mnist/ (CC BY-SA 3.0);
    https://keras.io/api/datasets/mnist/
    """
    where = f"mnist.load_data({os.fspath(path)!r})"
    file = data_folder() / Path(path).expanduser()
    keras_file = keras_folder() / Path(path).expanduser()
    idx_files = _find_idx_files(file.parent)
    if file.is_file():
        return _read_npz(file, where)
    if len(idx_files) == len(_IDX_NAMES):
        return _pair(
            {part: read_idx(idx_files[part], _SHAPES[part], where=where) for part in _SHAPES}
        )
    if keras_file.is_file():
        return _read_npz(keras_file, where)
    if not download:
        raise _not_found(where, file, idx_files, "download=False")
    try:
        fetch(_URL, f"sha256:{_SHA256}", file)
    except OSError as error:
        reason = f"the download failed ({type(error).__name__})"
        raise _not_found(where, file, idx_files, reason) from error
    except ValueError as error:
        reason = "what was downloaded has a wrong checksum"
        raise _not_found(where, file, idx_files, reason) from error
    return _read_npz(file, where)


def _find_idx_files(folder: Path) -> dict[str, Path]:
    """Part -> its IDX file, for the parts that are there."""
    candidates = {part: [folder / f"{name}.gz", folder / name] for part, name in _IDX_NAMES.items()}
    return {
        part: next(file for file in files if file.is_file())
        for part, files in candidates.items()
        if any(file.is_file() for file in files)
    }


def _read_npz(file: Path, where: str) -> tuple[TrainPart, TestPart]:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = {part: npz_array(archive, part) for part in _SHAPES}
    except KeyError as error:
        raise _damaged(where, file, f"a file without {error.args[0]}") from error
    except (*DAMAGES, TypeError) as error:
        raise _damaged(where, file, f"something else ({type(error).__name__}: {error})") from error
    for part, array in parts.items():
        if array.shape != _SHAPES[part] or array.dtype != np.uint8:
            raise _damaged(where, file, f"{part}: {describe(array)}")
    return _pair(parts)


def _pair(parts: Mapping[str, NDArray[Any]]) -> tuple[TrainPart, TestPart]:
    return (parts["x_train"], parts["y_train"]), (parts["x_test"], parts["y_test"])


def _damaged(where: str, file: Path, received: str) -> ValueError:
    shapes = ", ".join(f"{part} {shape}" for part, shape in _SHAPES.items())
    return ValueError(
        explain(
            where,
            expected=f"an .npz file of uint8 arrays {shapes} in {file}",
            received=received,
            action="Delete that file: the next call downloads it again.",
        )
    )


def _not_found(
    where: str, file: Path, idx_files: Mapping[str, Path], reason: str
) -> FileNotFoundError:
    missing = [f"{name}.gz" for part, name in _IDX_NAMES.items() if part not in idx_files]
    found = ", ".join(idx_file.name for idx_file in idx_files.values()) or "none of them"
    return FileNotFoundError(
        explain(
            where,
            expected=f"{file}, or the four IDX files beside it",
            received=f"no such file and, of the four, {found}; {reason}",
            action=f"Put {_URL} (sha256 {_SHA256}) there as {file.name}, or put "
            f"{', '.join(missing)} into {file.parent}. ${FOLDER_VARIABLE} names another folder.",
        )
    )
