"""Where arrays live: the state, the batches and the rows of a run."""

import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

import jax
import numpy as np
from numpy.typing import NDArray

from callbax._core._types import Array, PyTree
from callbax._data._in_place import InPlace
from callbax._data._memory import ALIGNMENT, aligned_empty, around, fill, is_aligned
from callbax.distribution._agreement import Agreement

IN_PLACE_BYTES, IN_PLACE_ELEMENTS = 2**20, 2**31 - ALIGNMENT
"""How large samples have to be at least, and must not be, to be read in place: small ones are
copied in no time, and programs count elements in int32."""
POLLING_SECONDS = 2e-4 if (os.cpu_count() or 1) > 1 else 0.0
"""How long to ask for a result again and again; on one core that would keep it from coming."""


Names = Callable[[], Mapping[str, str]]
"""Returns path -> the name of a weight among the model's variables."""
AnyVariables = TypeVar(
    "AnyVariables", bound=tuple[dict[str, Array], dict[str, Array], dict[str, Array]]
)
"""Trainable arrays, other weights and random streams of a module, each by path."""


class Placement(Protocol):
    """Where a run's arrays live, and which process speaks for all of them.

    The engine holds one and hands it to whatever makes arrays; nothing else chooses a device.

    Attributes:
        is_lead: Whether this process writes files and prints for all.
        agreement: What the processes agree by; None if there is one.
        platform: The devices' kind as XLA names it: "cpu", "gpu", "tpu".
        memory: Bytes of the memory that a state has to fit into.
    """

    @property
    def is_lead(self) -> bool: ...
    @property
    def agreement(self) -> Agreement | None: ...
    @property
    def platform(self) -> str: ...
    @property
    def memory(self) -> int: ...

    # On the host

    def place_variables(self, variables: AnyVariables, names: Names) -> AnyVariables:
        """Puts the variables of a module where steps expect them.

        Args:
            variables: Trainable arrays, other weights and random streams, each by path.
            names: Returns path -> the name of a weight among the model's variables.

        Returns:
            The same object if they are there.

        Raises:
            ValueError: They cannot be divided as the user wants.
        """

    def place_state(self, tree: PyTree) -> PyTree:
        """Puts the other arrays of a state, host arrays or others, where steps expect them."""

    def place_like(self, new: PyTree, old: PyTree) -> PyTree:
        """Puts arrays where those are in whose place they come."""

    def place_batch(self, array: Any, *, copy: bool = False) -> Array:
        """Puts an array of samples, rows or row numbers, where steps expect it.

        Args:
            array: The array, on the host or not.
            copy: Whether its memory may be written to later, which must not be seen.
        """

    def place_stack(self, array: Any, *, copy: bool = False) -> Array:
        """Puts stacked batches, of shape (batches, samples, ...), where steps expect them."""

    def place_samples(
        self, samples: Any, within: Any, *, size: int | None = None, copy: bool = False
    ) -> Array | InPlace:
        """Puts samples where steps expect them, or leaves them where they lie.

        Args:
            samples: Of shape (samples, ...); they do not change while steps are taken.
            within: The array that they are a part of.
            size: Samples in a batch if they are to be stacked batches; None if steps pick them.
            copy: Whether their memory may be written to meanwhile, which must not be seen.
        """

    def place_share(self, array: NDArray[Any]) -> Array:
        """Puts this process's share of stacked batches; those of the others come after each other.

        Args:
            array: Of shape (batches, samples, ...), the same in all processes.
        """

    def fitting(self, size: int) -> int:
        """Returns the least number of samples from `size` on that a share can have."""

    def scalar(self, value: int) -> Array:
        """Returns an int32 where steps expect it."""

    def number(self) -> int:
        """Returns another number at every call, the same in all processes."""

    def checksum(self) -> int:
        """Returns a checksum of what was put on the devices in equal copies so far."""

    def is_divided(self, tree: PyTree) -> bool:
        """Returns whether parts of arrays are in other processes alone."""

    def whole(self, tree: PyTree) -> PyTree:
        """Returns arrays that this process can fetch all of; all processes must ask for them."""

    # In compiled programs

    def tracing(self) -> AbstractContextManager[object]:
        """Lets programs be traced and run for these devices."""

    def divide(self, batch: PyTree) -> PyTree:
        """Divides a batch among the devices."""

    def pin(self, leaves: list[Array], like: Sequence[Any]) -> list[Array]:
        """Leaves the moved arrays of a state where they were.

        Args:
            leaves: The arrays after a step.
            like: Where each was before it.
        """

    def gather_weights(self, weights: dict[str, Array]) -> dict[str, Array]:
        """Puts together weights that are divided as batches are, for the time of a step."""

    def gather(self, rows: PyTree) -> PyTree:
        """Makes rows whole, so that the host can fetch them."""


class OneDevice:
    """All arrays live on JAX's default device, and this process is the only one."""

    is_lead, agreement = True, None

    @property
    def platform(self) -> str:
        return jax.default_backend()

    @functools.cached_property
    def memory(self) -> int:
        """Bytes of the device's memory; a CPU's is the machine's."""
        return memory_of(jax.local_devices()[0])

    def place_variables(self, variables: AnyVariables, names: Names) -> AnyVariables:
        return variables

    def place_like(self, new: PyTree, old: PyTree) -> PyTree:
        return new

    def place_state(self, tree: PyTree) -> PyTree:
        # `device_put` leaves arrays of JAX where they are, but takes its time for it.
        return jax.tree.map(
            lambda leaf: leaf if isinstance(leaf, jax.Array) else jax.device_put(leaf), tree
        )

    def place_batch(self, array: Any, *, copy: bool = False) -> Array:
        """Puts an array on the device.

        XLA on a CPU works in place on memory that starts at a multiple of 64 bytes and copies
        other memory slowly, page by page. Copying it ourselves to where XLA wants it takes less
        than half the time (49 against 120 ms for 60,000 rows of 784 float32, measured with one
        thread).
        """
        on_host = not isinstance(array, jax.Array)
        if on_host and self.platform != "cpu":
            array = array.astype(canonical(array.dtype), copy=False)
        elif on_host and (copy or not (is_aligned(array) and is_canonical(array))):
            host, array = array, aligned_empty(array.shape, canonical(array.dtype))
            fill(array, host)
        placed: Array = jax.device_put(array)
        if on_host and copy:
            placed.block_until_ready()  # the transfer reads the memory until then
        return placed

    def place_stack(self, array: Any, *, copy: bool = False) -> Array:
        return self.place_batch(array, copy=copy)

    def place_samples(
        self, samples: Any, within: Any, *, size: int | None = None, copy: bool = False
    ) -> Array | InPlace:
        dtype, on_host = canonical(samples.dtype), not isinstance(samples, jax.Array)
        large = samples.size * dtype.itemsize >= IN_PLACE_BYTES
        if not (large and on_host and self.platform == "cpu" and samples.size < IN_PLACE_ELEMENTS):
            return self.place_batch(stacked(samples, size), copy=copy)
        # Copied or not, the form is the same, and so is the program.
        found = None if copy or not is_canonical(samples) else around(samples, within)
        if found is None:
            memory = aligned_empty((samples.size + ALIGNMENT // dtype.itemsize,), dtype)
            fill(memory[: samples.size].reshape(samples.shape), samples)
            found = memory, 0
        memory, before = found
        return InPlace(jax.device_put(memory), scalar(before), samples.shape[1:])

    def place_share(self, array: NDArray[Any]) -> Array:
        return self.place_batch(array)

    def fitting(self, size: int) -> int:
        return size

    def scalar(self, value: int) -> Array:
        return scalar(value)

    def number(self) -> int:
        return 0

    def checksum(self) -> int:
        return 0

    def is_divided(self, tree: PyTree) -> bool:
        return False

    def whole(self, tree: PyTree) -> PyTree:
        return tree

    def tracing(self) -> AbstractContextManager[object]:
        return nullcontext()

    def divide(self, batch: PyTree) -> PyTree:
        return batch

    def pin(self, leaves: list[Array], like: Sequence[Any]) -> list[Array]:
        return leaves

    def gather_weights(self, weights: dict[str, Array]) -> dict[str, Array]:
        return weights

    def gather(self, rows: PyTree) -> PyTree:
        return rows


def memory_of(device: jax.Device) -> int:
    """Returns the bytes of a device's memory; a CPU's is the machine's."""
    stats = device.memory_stats()
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@functools.lru_cache(maxsize=4096)
def scalar(value: int) -> Array:
    """Returns an int32 on the device; bringing one there again costs as much as a small step."""
    on_device: Array = jax.device_put(np.int32(value))
    return on_device


def poll(array: Any) -> None:
    """Waits for an array without sleeping, for `POLLING_SECONDS` at most.

    To wake a thread that sleeps takes longer than a small step (136 against 169 µs for such a step
    with its dispatch, the quickest of 21 rounds each, on two cores).
    """
    until = time.perf_counter() + POLLING_SECONDS
    while not array.is_ready() and time.perf_counter() < until:
        pass


def stacked(samples: Any, size: int | None) -> Any:
    """Returns samples as batches, of shape (batches, size, ...), or as they are without a size."""
    return samples if size is None else samples.reshape((-1, size, *samples.shape[1:]))


def is_canonical(array: NDArray[Any]) -> bool:
    """Returns whether an array has the dtype that it has on the device."""
    return bool(array.dtype == canonical(array.dtype))


def canonical(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Returns the dtype that an array has on the device.

    Floats have 32 bits there at most, as in Keras; integers too, unless JAX was told otherwise.
    """
    widest = {"f": np.dtype(np.float32), "c": np.dtype(np.complex64)}.get(dtype.kind)
    if widest is not None and dtype.itemsize > widest.itemsize:
        return widest
    return np.dtype(jax.dtypes.canonicalize_dtype(dtype.newbyteorder("=")))
