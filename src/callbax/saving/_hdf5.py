"""The HDF5 layout of Keras 3: a group per layer, its variables numbered under ``vars``."""

import io
from collections.abc import Iterable, Mapping
from typing import IO, Any

import h5py  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from callbax._core._unpacking import EXPANSION
from callbax.saving._contents import Contents
from callbax.saving._digests import (
    digest,
    digest_of_keys,
    need_intact,
    need_intact_v1,
    need_same_keys,
    need_same_keys_v1,
)
from callbax.saving._dtypes import as_bytes, is_number, mark_of, marked, need_number
from callbax.saving._unfailing import Unfailing

DIGEST = "digest"
"""Attribute of the file, for its keys, and of each array; Keras passes over it."""
DIGEST_V1 = "crc32"
"""What older versions of callbax wrote in its place."""
DTYPE = "dtype"
"""Keras's attribute of arrays whose dtype HDF5 does not know."""


def to_hdf5(contents: Contents) -> bytes:
    """Returns the bytes of a file that Keras reads.

    Args:
        contents: What to write.

    Raises:
        ValueError: An array is not of numbers.
    """
    image = io.BytesIO()
    write_hdf5(contents, image)
    return image.getvalue()


def write_hdf5(contents: Contents, target: IO[bytes]) -> None:
    """Writes a file that Keras reads, without holding a copy of it in memory.

    Args:
        contents: What to write.
        target: Empty, open for reading and writing bytes.

    Raises:
        ValueError: An array is not of numbers.
        OSError: The file cannot be written.
    """
    arrays = contents.arrays()
    for key, array in arrays.items():
        need_number(key, array.dtype)
    unfailing = Unfailing(target)
    with h5py.File(unfailing, "w") as file:
        for group, name in contents.names.items():
            file.require_group(f"{group}/vars" if group else "vars").attrs["name"] = name
        file.attrs[DIGEST] = np.bytes_(digest_of_keys(arrays))
        for key, array in arrays.items():
            _put(file, key, array)
    unfailing.need_written()


def with_arrays(image: bytes, name: str, added: Mapping[str, NDArray[Any]]) -> bytes:
    """Returns the bytes of a file of Keras's with more arrays, and checksums of all.

    Args:
        image: The bytes of the file.
        name: Name of what the group of the arrays belongs to.
        added: Key -> array, all in one group, which the file lacks.
    """
    changed = io.BytesIO(image)
    with h5py.File(changed, "r+") as file:
        arrays = dict(added)

        def note(key: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                arrays[key] = marked(np.array(item), item.attrs.get(DTYPE))
                item.attrs[DIGEST] = np.bytes_(digest(key, arrays[key]))

        file.visititems(note)
        for key, array in added.items():
            _put(file, key, array)
            file[key].parent.attrs["name"] = name
        file.attrs[DIGEST] = np.bytes_(digest_of_keys(arrays))
    return changed.getvalue()


def _put(file: h5py.File, key: str, array: NDArray[Any]) -> None:
    mark = mark_of(array.dtype)
    dataset = file.create_dataset(key, data=array if mark is None else as_bytes(array))
    if mark is not None:
        dataset.attrs[DTYPE] = mark
    dataset.attrs[DIGEST] = np.bytes_(digest(key, array))


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
        # To ask for an attribute that is not there takes as long as to read one that is.
        self._attributes = {key: dict(d.attrs) for key, d in self._datasets.items()}
        self._digests = {key: _digest_of(key, found) for key, found in self._attributes.items()}
        own = dict(self._file.attrs)
        need_same_keys(_digest_of("/", own), self._digests)
        need_same_keys_v1(self.shapes, own.get(DIGEST_V1))

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
            if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
                raise ValueError(f'"{key}" is a link')
            item = group[name]
            if isinstance(item, h5py.Group):
                self._find(item, f"{key}/")
            elif isinstance(item, h5py.Dataset):
                created = item.id.get_create_plist()
                virtual = created.get_layout() == h5py.h5d.VIRTUAL
                if virtual or created.get_external_count():
                    raise ValueError(f'"{key}" lies in another file')
                self._datasets[key] = item

    def _read(self, key: str) -> NDArray[Any]:
        dataset, attributes = self._datasets[key], self._attributes[key]
        mark = attributes.get(DTYPE)
        if mark is None and not is_number(dataset.dtype):
            raise ValueError(f'"{key}" holds {dataset.dtype}, not numbers')
        stored = dataset.id.get_storage_size()
        if dataset.nbytes > EXPANSION * stored:  # what was never written reads as zeros
            raise ValueError(f'"{key}" says that it grows from {stored} to {dataset.nbytes} bytes')
        array = marked(np.array(dataset), mark)
        need_intact(key, array, self._digests[key])
        need_intact_v1(key, array, attributes.get(DIGEST_V1))
        return array


def _digest_of(name: str, attributes: Mapping[str, Any]) -> str | None:
    """Returns the digest of an array, or of the file; None if there is none."""
    written = attributes.get(DIGEST)
    if written is None:
        return None
    if not isinstance(written, bytes):
        raise ValueError(f'"{name}" has a checksum that cannot be read')
    return written.decode("ascii")
