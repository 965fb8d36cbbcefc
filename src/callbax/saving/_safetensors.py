"""The safetensors format: weights that other tools read, without an optimizer."""

import json
from collections.abc import Iterable
from typing import IO, Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import deserialize
from safetensors import numpy as safetensors

from callbax.saving._contents import Contents, checksum, need_intact

CHECKSUMS = "crc32"
"""Entry of the metadata: key -> checksum, as JSON."""
DTYPES = {
    "BF16": ml_dtypes.bfloat16,
    "BOOL": np.bool_,
    **{f"F{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
}
"""The format's names of dtypes; safetensors' own reader for NumPy lacks bfloat16."""


def to_safetensors(contents: Contents) -> bytes:
    """Returns the bytes of a safetensors file.

    Args:
        contents: What to write; the optimizer is left out, as other tools expect weights alone.
    """
    arrays = contents.arrays(with_optimizer=False)
    sums = {key: checksum(key, array) for key, array in arrays.items()}
    contiguous = {key: np.require(array, requirements="C") for key, array in arrays.items()}
    return safetensors.save(contiguous, metadata={CHECKSUMS: json.dumps(sums)})


class SafetensorsFile:
    """An open safetensors file.

    Args:
        file: The file, open for reading bytes.

    Raises:
        Exception: The file is damaged or of another format.
    """

    keeps_optimizer = False

    def __init__(self, file: IO[bytes]) -> None:
        data = file.read()
        self._arrays = {
            key: np.frombuffer(entry["data"], DTYPES[entry["dtype"]]).reshape(entry["shape"])
            for key, entry in deserialize(data)  # type: ignore[no-untyped-call]
        }
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        self._checksums = json.loads(metadata.get(CHECKSUMS, "{}"))
        self.shapes = {key: tuple(array.shape) for key, array in self._arrays.items()}

    def read(self, keys: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Returns the arrays under these keys, compared with their checksums."""
        found = {key: self._arrays[key] for key in keys}
        for key, array in found.items():
            need_intact(key, array, self._checksums.get(key))
        return found
