"""Model archives: zip files with a configuration and weights, as Keras 3 lays them out."""

import datetime
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from callbax._core._unpacking import stored_bytes, zip_member, zip_member_at_most
from callbax.saving._hdf5 import with_arrays

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
KERAS_VERSION = "3.15.1"
"""The version of Keras whose layout is written."""
CONFIG_ROOM = 2**22
"""Bytes that a configuration may have in any case; Keras compresses nothing, so that its own are
never larger than they are in the file."""
VALUES_ROOM = 2**17
"""How many values a configuration may have in any case. In memory, each takes 100 bytes at most;
in a file that is not compressed, two at least."""
NESTING = 100
"""How deep the values of a configuration may lie in one another."""


def write_archive(path: Path, config: Any, weights: bytes) -> None:
    """Writes an archive.

    Args:
        path: Where.
        config: The model's configuration, plain values.
        weights: The bytes of its weights file.
    """
    now = datetime.datetime.now(datetime.UTC)
    metadata = {"keras_version": KERAS_VERSION, "date_saved": f"{now:%Y-%m-%d@%H:%M:%S}"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, weights)


def with_compilation(
    source: Path, target: Path, compiled: Any, name: str, optimizer: Mapping[str, NDArray[Any]]
) -> None:
    """Writes an archive of Keras's again, with what the model is compiled with.

    Args:
        source: The archive, of a model that Keras did not compile.
        target: Where to write.
        compiled: The arguments of ``compile``, plain values.
        name: The optimizer's name.
        optimizer: Key in the weights file -> the optimizer's variable.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            member = old.read(info)
            if info.filename == CONFIG:
                member = json.dumps(json.loads(member) | {"compile_config": compiled}).encode()
            elif info.filename == WEIGHTS:
                member = with_arrays(member, name, optimizer)
            new.writestr(info, member)


def member(file: IO[bytes], name: str) -> bytes:
    """Returns a member of an archive, compared with its checksum.

    Args:
        file: The archive, open for reading.
        name: The member's name.

    Raises:
        Exception: The archive is damaged or no zip file, lacks the member, or wants to expand it
            to more than its size justifies.
    """
    with zipfile.ZipFile(file) as archive:
        return zip_member(archive, name)


def read_config(file: IO[bytes]) -> tuple[Any, int]:
    """Returns the configuration of a model, and how many bytes its weights can have at most.

    Args:
        file: The archive, open for reading.

    Raises:
        Exception: The archive is damaged or no zip file, lacks the configuration, or it is
            larger, or deeper, than that of any model.
    """
    with zipfile.ZipFile(file) as archive:
        text = zip_member(archive, CONFIG, room=CONFIG_ROOM)
        _check_number_of_values(text, stored_bytes(archive, CONFIG))
        config = json.loads(text)
        check_nesting(config)
        return config, zip_member_at_most(archive, WEIGHTS)


def check_nesting(config: Any) -> None:
    """Raises if plain values lie deeper in one another than in the configuration of any model.

    Raises:
        ValueError: They do. Reading such values would exhaust Python's stack.
    """
    level = [config]
    for _ in range(NESTING):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise ValueError(f"its values lie more than {NESTING} deep in one another")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _check_number_of_values(text: bytes, stored: int) -> None:
    """Raises if there are more values than the bytes in the file could hold uncompressed."""
    # Every value but the first in a list or dict has a comma before it.
    count = sum(text.count(mark) for mark in (b",", b"[", b"{"))
    if count > max(VALUES_ROOM, stored):
        raise ValueError(f"it holds {count} values in {stored} bytes")
