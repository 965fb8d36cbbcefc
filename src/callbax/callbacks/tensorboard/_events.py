"""Event files, which TensorBoard reads: scalars in bulk, and what is not a scalar one by one."""

import errno
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._hooks import Logs
from callbax.callbacks._number import as_number
from callbax.callbacks.tensorboard._library import part

_STEP_BITS = 7 * np.arange(1, 9)


def file_name(token: str) -> str:
    """Returns a new name for an event file; of two files, the later one sorts last.

    Args:
        token: What the names of one run's files end with, whichever process writes them.
    """
    return f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}.{token}"


class EventFile:
    """An event file that is being written; what was written can be read at once.

    Args:
        library: The package ``tensorboard``.
        directory: Where to; it is made if need be.
        name: Name of the file.

    Attributes:
        size: Bytes written.

    Raises:
        OSError: The file cannot be written.

    Source: records as in TensorFlow's ``record_writer.h``, events as in its ``event.proto``.
    """

    def __init__(self, library: Any, directory: str, name: str) -> None:
        self._library = library
        self._path = os.path.join(directory, name)
        self._file = _open(directory, self._path)
        self.size = 0
        self._add_event(file_version="brain.Event:2")

    def add_scalars(self, prefix: str, scalars: "Scalars") -> None:
        """Writes scalars.

        Writers that make an event of each checksum byte by byte, which takes longer than many a
        training step; here all rows with the same names are encoded at once.

        Args:
            prefix: What to put before their names.
            scalars: Steps, names and values; those that are not numbers are left out.
        """
        for names, walls, steps, values in scalars.tables():
            tags = [f"{prefix}{name}".encode() for name in names]
            # Rows whose steps take as many bytes have one layout.
            sizes = (steps[:, None] >> _STEP_BITS > 0).sum(axis=1)
            for rows in np.split(np.arange(len(steps)), np.flatnonzero(np.diff(sizes)) + 1):
                self._write(_scalar_records(tags, walls[rows], steps[rows], values[rows]))

    def add_value(self, step: int, value: object) -> None:
        """Writes a value that `tensor_value` made."""
        summary = self._library.compat.proto.summary_pb2.Summary(value=[value])
        self._add_event(step=step, summary=summary)

    def add_graph(self, graph: bytes) -> None:
        """Writes an encoded ``GraphDef``, which is the run's graph."""
        self._add_event(graph_def=graph)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _add_event(self, **fields: Any) -> None:
        event = self._library.compat.proto.event_pb2.Event(wall_time=time.time(), **fields)
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        self._write(b"".join(each + _checksum(each) for each in (length, data)))

    def _write(self, data: bytes) -> None:
        if self._is_gone():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._path)
        self._file.write(data)
        self._file.flush()
        self.size += len(data)

    def _is_gone(self) -> bool:
        """Returns whether the file was removed while it was open: nobody could read it."""
        try:
            return os.fstat(self._file.fileno()).st_nlink == 0
        except (AttributeError, OSError):  # it lies in no file system of this machine
            return False


class Scalars:
    """Scalars of many steps, collected cheaply.

    Numbers are kept in flat lists: with a container for every step the garbage collector would
    take longer than all the rest.
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[tuple[str, ...], list[float], list[int], list[Any]]] = []
        self._names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return sum(len(walls) for _, walls, _, _ in self._blocks)

    def add(self, wall: float, step: int, logs: Logs) -> None:
        """Takes one step's values.

        Args:
            wall: Seconds since 1970.
            step: Number of the step.
            logs: Name -> value.
        """
        names = tuple(logs)
        if names != self._names:
            self._names = names
            self._blocks.append((names, [], [], []))
        _, walls, steps, values = self._blocks[-1]
        walls.append(wall)
        steps.append(step)
        values.extend(logs.values())

    def constant(self, name: str, value: object) -> "Scalars":
        """Returns other scalars, of one name and value, for the same steps."""
        others = Scalars()
        for _, walls, steps, _ in self._blocks:
            for wall, step in zip(walls, steps, strict=True):
                others.add(wall, step, {name: value})
        return others

    def tables(self) -> Iterator[tuple[tuple[str, ...], NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Yields names, wall times, steps, and values of shape (steps, names)."""
        for names, walls, steps, values in self._blocks:
            width = len(names)
            if set(map(type, values)) == {float}:
                shape = len(walls), width
                yield names, np.array(walls), np.array(steps), np.array(values).reshape(shape)
            elif names:
                numbers = Scalars()
                for i, (wall, step) in enumerate(zip(walls, steps, strict=True)):
                    row = zip(names, values[i * width : (i + 1) * width], strict=True)
                    found = ((name, as_number(value)) for name, value in row)
                    numbers.add(wall, step, {k: value for k, value in found if value is not None})
                yield from numbers.tables()


def _open(directory: str, path: str) -> Any:
    """Opens a file for writing, in a directory that is made if need be.

    Where there is a scheme, as in ``gs://bucket/logs``, TensorBoard's own file systems have it.
    """
    if "://" in path:
        remote = part("compat.tensorflow_stub.io.gfile")
        remote.makedirs(directory)
        return remote.GFile(path, "wb")
    os.makedirs(directory, exist_ok=True)
    return open(path, "wb")


def _checksum(data: bytes) -> bytes:
    """Returns the checksum of some bytes as records hold it."""
    masked: int = part("compat.tensorflow_stub.pywrap_tensorflow").masked_crc32c(data)
    return struct.pack("<I", masked)


def _scalar_records(
    tags: list[bytes], walls: NDArray[Any], steps: NDArray[Any], values: NDArray[Any]
) -> bytes:
    """Encodes one event per row; the numbers are put into copies of one template."""
    step = _varint(int(steps[0]))
    encoded = [b"\x0a" + _varint(len(tag)) + tag + b"\x15" + bytes(4) for tag in tags]
    summary = b"".join(b"\x0a" + _varint(len(value)) + value for value in encoded)
    head = b"\x09" + bytes(8) + b"\x10" + step + b"\x2a" + _varint(len(summary))
    template = np.frombuffer(head + summary, np.uint8)
    rows = np.tile(template, (len(steps), 1))
    rows[:, 1:9] = _bytes(walls, "<f8")
    shifts = 7 * np.arange(len(step))
    rows[:, 10 : 10 + len(step)] = (steps[:, None] >> shifts) & 0x7F
    rows[:, 10 : 9 + len(step)] |= 0x80  # All bytes of a varint but the last have this bit.
    with np.errstate(over="ignore"):  # What float32 cannot hold is infinite.
        numbers = _bytes(values, "<f4").reshape(len(steps), len(tags), 4)
    end = len(head)
    for i, value in enumerate(encoded):
        end += 1 + len(_varint(len(value))) + len(value)
        rows[:, end - 4 : end] = numbers[:, i]
    length = np.frombuffer(struct.pack("<Q", len(template)), np.uint8)[None]
    start = np.concatenate([length, _bytes(_masked_crc32c(length), "<u4")], axis=1)
    starts = np.broadcast_to(start, (len(rows), start.shape[1]))
    records = np.concatenate([starts, rows, _bytes(_masked_crc32c(rows), "<u4")], axis=1)
    written: bytes = records.tobytes()
    return written


def _varint(number: int) -> bytes:
    parts = [number & 0x7F]
    while number := number >> 7:
        parts[-1] |= 0x80
        parts.append(number & 0x7F)
    return bytes(parts)


def _bytes(numbers: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Returns the bytes of numbers, row by row."""
    array = np.ascontiguousarray(numbers).astype(dtype)
    return array.view(np.uint8).reshape(len(array), -1)


def _masked_crc32c(rows: NDArray[Any]) -> NDArray[Any]:
    """Returns the checksum of every row as records hold it."""
    crc = np.full(len(rows), 0xFFFFFFFF, np.uint32)
    for column in np.ascontiguousarray(rows.T):
        crc = _CRC32C.take(crc.astype(np.uint8) ^ column) ^ (crc >> 8)
    crc = ~crc
    return ((crc >> 15) | (crc << 17)) + np.uint32(0xA282EAD8)


def _crc32c_table() -> NDArray[Any]:
    table: NDArray[Any] = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ (table & 1) * np.uint32(0x82F63B78)
    return table


_CRC32C = _crc32c_table()
