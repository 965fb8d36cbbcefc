"""Samples that programs read where they lie."""

import math
from dataclasses import dataclass, field

import jax
from jax import lax

from callbax._core._types import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class InPlace:
    """Samples within flat memory that starts where XLA can use it, perhaps before them.

    The large arrays of NumPy begin 16 bytes after a multiple of 64, and XLA would copy them. The
    memory is as much longer than the samples as it may begin before them, so that its size is the
    same wherever they lie, and no program is compiled for that.

    Invariant: of the memory, only the elements of the samples are read.

    Attributes:
        memory: All elements, those around the samples included.
        start: How many of them come before the samples, int32.
        shape: The shape of one sample.
    """

    memory: Array
    start: Array
    shape: tuple[int, ...] = field(metadata={"static": True})

    def rows(self, numbers: Array) -> Array:
        """Returns the samples of these numbers, inside a compiled program."""
        length = math.prod(self.shape)
        flat = lax.gather(
            self.memory,
            (self.start + numbers * length)[:, None],
            lax.GatherDimensionNumbers((1,), collapsed_slice_dims=(), start_index_map=(0,)),
            slice_sizes=(length,),
            mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
        )
        return flat.reshape(len(numbers), *self.shape)

    def batch(self, number: Array, size: int) -> Array:
        """Returns a batch of samples that lie in a row, inside a compiled program."""
        length = size * math.prod(self.shape)
        flat = lax.dynamic_slice_in_dim(self.memory, self.start + number * length, length)
        return flat.reshape(size, *self.shape)
