"""The HDF5 layout of Keras 3: a group per layer, its variables numbered under ``vars``."""

import io
import zlib
from collections.abc import Iterable
from typing import IO, Any

import h5py  # type: ignore[import-untyped]
import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from callbax.saving._contents import Contents, checksum, need_intact

CHECKSUM = "crc32"
"""Attribute of the file, for its keys, and of each array; Keras passes over it."""


def to_hdf5(contents: Contents) -> bytes:
    """Returns the bytes of a file that Keras reads.

    They are made in memory: HDF5 that meets a full disk may bring the process down.

    Args:
        contents: What to write.
    """
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        for group, name in contents.names.items():
            file.require_group(f"{group}/vars" if group else "vars").attrs["name"] = name
        arrays = contents.arrays()
        file.attrs[CHECKSUM] = np.uint32(_checksum_of_keys(arrays))
        for key, array in arrays.items():
            dataset = file.create_dataset(key, data=array)
            # Keras's mark: HDF5 itself only knows two bytes of something.
            if array.dtype == ml_dtypes.bfloat16:
                dataset.attrs["dtype"] = "bfloat16"
            dataset.attrs[CHECKSUM] = np.uint32(checksum(key, array))
    return image.getvalue()


class Hdf5File:
    """An open HDF5 file of weights.

    Args:
        file: The file, open for reading bytes.

    Raises:
        Exception: The file is damaged or no HDF5; h5py has many ways to say so.
    """

    keeps_optimizer = True

    def __init__(self, file: IO[bytes]) -> None:
        self._file = h5py.File(file, "r")
        self._datasets: dict[str, Any] = {}
        self._seen: set[int] = set()
        self._find(self._file, "")
        self.shapes = {key: tuple(d.shape) for key, d in self._datasets.items()}
        if self._file.attrs.get(CHECKSUM, expected := _checksum_of_keys(self.shapes)) != expected:
            raise ValueError("the list of arrays has changed since it was written")

    def read(self, keys: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Returns the arrays under these keys, compared with their checksums."""
        return {key: self._read(key) for key in keys}

    def _find(self, group: Any, prefix: str) -> None:
        # Groups of a hostile file may hold one another.
        address = h5py.h5o.get_info(group.id).addr
        if address in self._seen:
            raise ValueError(f'"{prefix}" is a second name of another group')
        self._seen.add(address)
        for name in group:
            key = f"{prefix}{name}"
            # A link may point out of the file, and what lies there would be read.
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f'"{key}" is a link')
            item = group[name]
            if isinstance(item, h5py.Group):
                self._find(item, f"{key}/")
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise ValueError(f'"{key}" lies in another file')
                self._datasets[key] = item

    def _read(self, key: str) -> NDArray[Any]:
        dataset = self._datasets[key]
        array = np.array(dataset)
        if dataset.attrs.get("dtype") == "bfloat16":
            array = array.view(ml_dtypes.bfloat16)
        if array.dtype.kind not in "biufc" and array.dtype != ml_dtypes.bfloat16:
            raise ValueError(f'"{key}" holds {array.dtype}, not numbers')
        need_intact(key, array, dataset.attrs.get(CHECKSUM))
        return array


def _checksum_of_keys(keys: Iterable[str]) -> int:
    return zlib.crc32("\n".join(sorted(keys)).encode())
