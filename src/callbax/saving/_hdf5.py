"""The HDF5 layout of Keras 3: a group per layer, its variables numbered under ``vars``."""

import functools
import io
import math
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
    """Writes an array by h5py's functions of HDF5: its objects take three times as long."""
    mark = mark_of(array.dtype)
    data = np.asarray(array if mark is None else as_bytes(array), order="C")
    kind, space = h5py.h5t.py_create(data.dtype, logical=True), h5py.h5s.create_simple(data.shape)
    dataset = h5py.h5d.create(file.id, key.encode(), kind, space, _untimed(), _with_groups())
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, data)
    if mark is not None:
        h5py.Dataset(dataset).attrs[DTYPE] = mark
    text = np.asarray(np.bytes_(digest(key, array)))
    kind, space = h5py.h5t.py_create(text.dtype), h5py.h5s.create(h5py.h5s.SCALAR)
    h5py.h5a.create(dataset, DIGEST.encode(), kind, space).write(text)


@functools.cache
def _untimed() -> Any:
    """Lets no time be written into a file, so that equal arrays make equal files."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    return properties


@functools.cache
def _with_groups() -> Any:
    """Lets the groups on the way to an array be made."""
    properties = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    properties.set_create_intermediate_group(True)
    return properties


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
        self._find(self._file.id, "")
        self.shapes = {key: tuple(dataset.shape) for key, dataset in self._datasets.items()}
        self._attributes = {
            key: _attributes(h5py.Dataset(dataset)) for key, dataset in self._datasets.items()
        }
        self._digests = {key: _digest_of(key, found) for key, found in self._attributes.items()}
        own = _attributes(self._file)
        need_same_keys(_digest_of("/", own), self._digests)
        need_same_keys_v1(self.shapes, own.get(DIGEST_V1))

    def read(self, keys: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Returns the arrays under these keys, compared with their checksums."""
        return {key: self._read(key) for key in keys}

    def _find(self, group: Any, prefix: str) -> None:
        # Groups of a hostile file may hold one another.
        address = h5py.h5o.get_info(group).addr
        if address in self._seen:
            raise ValueError(f'"{prefix}" is a second name of another group')
        self._seen.add(address)
        for name in h5py.Group(group):
            key = f"{prefix}{name}"
            # A link may point out of the file, and what lies there would be read.
            if group.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
                raise ValueError(f'"{key}" is a link')
            item = h5py.h5o.open(group, name.encode())
            if isinstance(item, h5py.h5g.GroupID):
                self._find(item, f"{key}/")
            elif isinstance(item, h5py.h5d.DatasetID):
                created = item.get_create_plist()
                virtual = created.get_layout() == h5py.h5d.VIRTUAL
                if virtual or created.get_external_count():
                    raise ValueError(f'"{key}" lies in another file')
                if item.get_space().get_simple_extent_type() == h5py.h5s.NULL:
                    raise ValueError(f'"{key}" holds nothing')
                self._datasets[key] = item

    def _read(self, key: str) -> NDArray[Any]:
        dataset, attributes = self._datasets[key], self._attributes[key]
        mark = attributes.get(DTYPE)
        if mark is None and not is_number(dataset.dtype):
            raise ValueError(f'"{key}" holds {dataset.dtype}, not numbers')
        stored, size = dataset.get_storage_size(), math.prod(dataset.shape) * dataset.dtype.itemsize
        if size > EXPANSION * stored:  # what was never written reads as zeros
            raise ValueError(f'"{key}" says that it grows from {stored} to {size} bytes')
        array = np.empty(dataset.shape, dataset.dtype)
        dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, array)
        array = marked(array, mark)
        need_intact(key, array, self._digests[key])
        need_intact_v1(key, array, attributes.get(DIGEST_V1))
        return array


def _attributes(item: Any) -> dict[str, Any]:
    """Returns those attributes of a group or an array that are read here."""
    names = (DIGEST, DIGEST_V1, DTYPE)
    return {name: item.attrs[name] for name in names if h5py.h5a.exists(item.id, name.encode())}


def _digest_of(name: str, attributes: Mapping[str, Any]) -> str | None:
    """Returns the digest of an array, or of the file; None if there is none."""
    written = attributes.get(DIGEST)
    if written is None:
        return None
    if not isinstance(written, bytes):
        raise ValueError(f'"{name}" has a checksum that cannot be read')
    return written.decode("ascii")
