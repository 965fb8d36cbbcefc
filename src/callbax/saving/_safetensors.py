"""The safetensors format: weights that other tools read, without an optimizer."""

import json
from collections.abc import Iterable
from typing import IO, Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors import numpy as safetensors

from callbax._core._errors import explain
from callbax.saving._contents import Contents
from callbax.saving._digests import (
    digest,
    digest_of_keys,
    need_intact,
    need_intact_v1,
    need_same_keys,
)

DIGEST, DIGESTS = "digest", "digests"
"""Entries of the metadata: the digest of all keys; key -> digest of the array, as JSON."""
DIGESTS_V1 = "crc32"
"""What older versions of callbax wrote in their place."""
DTYPES = {
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F8_E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "F8_E8M0": np.dtype(ml_dtypes.float8_e8m0fnu),
    "BOOL": np.dtype(np.bool_),
    "C64": np.dtype(np.complex64),
    **{f"F{bits}": np.dtype(f"float{bits}") for bits in (16, 32, 64)},
    **{f"I{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
}
"""The format's names of dtypes; safetensors' own reader for NumPy lacks bfloat16."""


def to_safetensors(contents: Contents) -> bytes:
    """Returns the bytes of a safetensors file.

    Args:
        contents: What to write; the optimizer is left out, as other tools expect weights alone.

    Raises:
        ValueError: An array is of a dtype that the format lacks.
    """
    arrays = contents.arrays(with_optimizer=False)
    for key, array in arrays.items():
        if array.dtype.newbyteorder("=") not in DTYPES.values():
            raise ValueError(
                explain(
                    f'save_weights(array "{key}")',
                    expected="a dtype that safetensors files hold",
                    received=f"dtype {array.dtype}",
                    action="Save to a file that ends in .weights.h5, which holds more dtypes.",
                )
            )
    digests = {key: digest(key, array) for key, array in arrays.items()}
    contiguous = {
        key: np.require(array, array.dtype.newbyteorder("="), "C") for key, array in arrays.items()
    }
    metadata = {DIGEST: digest_of_keys(arrays), DIGESTS: json.dumps(digests)}
    try:
        return safetensors.save(contiguous, metadata=metadata)
    except SafetensorError as error:  # an older release knows fewer dtypes
        raise ValueError(
            explain(
                "save_weights(filepath)",
                expected="weights that the installed safetensors can write",
                received=f"the error {error}",
                action="Save to a file that ends in .weights.h5, or install a newer safetensors.",
            )
        ) from error


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
        self._digests = json.loads(metadata.get(DIGESTS, "{}"))
        self._digests_v1 = json.loads(metadata.get(DIGESTS_V1, "{}"))
        self.shapes = {key: tuple(array.shape) for key, array in self._arrays.items()}
        need_same_keys(metadata.get(DIGEST), {key: self._digests.get(key) for key in self.shapes})

    def read(self, keys: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Returns the arrays under these keys, compared with their checksums."""
        found = {key: self._arrays[key] for key in keys}
        for key, array in found.items():
            need_intact(key, array, self._digests.get(key))
            need_intact_v1(key, array, self._digests_v1.get(key))
        return found
