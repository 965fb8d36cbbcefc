"""Reads the archives of CIFAR-10 and CIFAR-100."""

import pickle
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import describe
from callbax._core._unpacking import DAMAGES, tar_archive
from callbax.datasets._files import damaged
from callbax.datasets._pickled import unpickle

_PIXELS = 3 * 32 * 32


def read_batches(
    file: Path, members: Sequence[str], label_key: str, where: str
) -> tuple[NDArray[np.uint8], list[int]]:
    """Reads images and labels out of an archive; nothing is unpacked to the disk.

    Args:
        file: The archive.
        members: Names of the batches in it, in their order.
        label_key: What the labels are called in a batch.
        where: The public call to name in an error, without backticks.

    Returns:
        Images of shape (n, 32, 32, 3), and n labels.

    Raises:
        ValueError: The file is damaged, or holds something else.
    """
    expected = f"an archive of CIFAR's batches {', '.join(members)}"
    try:
        with tar_archive(file) as archive:
            batches = [_batch(archive, member, label_key) for member in members]
    except (*DAMAGES, pickle.UnpicklingError) as error:
        received = f"something else ({type(error).__name__}: {error})"
        raise damaged(where, file, expected, received) from error
    images = np.concatenate([images for images, _ in batches])
    channels_last = images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return channels_last, [label for _, labels in batches for label in labels]


def _batch(
    archive: tarfile.TarFile, member: str, label_key: str
) -> tuple[NDArray[Any], Sequence[int]]:
    stream = archive.extractfile(member)
    if stream is None:
        raise ValueError(f"{member} is not a file")
    content = unpickle(stream, encoding="bytes")
    images, labels = content[b"data"], content[label_key.encode()]
    whole = getattr(images, "dtype", None) == np.uint8 and images.shape == (len(labels), _PIXELS)
    if not whole:
        raise ValueError(f"{member} holds {describe(images)} for {len(labels)} labels")
    return images, labels
