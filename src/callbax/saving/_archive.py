"""Model archives: zip files with a configuration and weights, as Keras 3 lays them out."""

import datetime
import json
import zipfile
from pathlib import Path
from typing import IO, Any

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
KERAS_VERSION = "3.15.1"
"""The version of Keras whose layout is written."""
EXPANSION = 100
"""How much larger than in the file a member may become; Keras compresses nothing."""
ROOM = 2**28
"""Bytes up to which a member may expand in any case."""


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


def member(file: IO[bytes], name: str) -> bytes:
    """Returns a member of an archive, compared with its checksum.

    Args:
        file: The archive, open for reading.
        name: The member's name.

    Raises:
        Exception: The archive is damaged or no zip file, or lacks the member.
    """
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(name)
        if info.file_size > max(ROOM, EXPANSION * info.compress_size):
            raise ValueError(f'"{name}" says that it grows to {info.file_size} bytes')
        return archive.read(info)
