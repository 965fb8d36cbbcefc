"""Windows over the dimensions between samples and channels."""

from callbax._core._arguments import count, is_whole
from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax.layers._layer import Shape

_KINDS = {1: "(samples, steps, channels)", 2: "(samples, rows, columns, channels)"}


def lengths(where: str, name: str, value: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Returns one positive length for each dimension.

    Raises:
        ValueError: There are others, or another number of them.
    """
    each = (value,) * rank if is_whole(value) else value
    if not isinstance(each, tuple | list) or len(each) != rank:
        raise ValueError(
            explain(
                f"{where}({name}={value!r})",
                expected=f"a whole number, or {rank} of them",
                received=describe(value),
                action="Pass one length for all dimensions, or a tuple.",
            )
        )
    return tuple(count(where, name, length) for length in each)


def channels(where: str, input_shape: Shape, rank: int) -> int:
    """Returns the channels of inputs of a shape.

    Raises:
        ValueError: The shape has another rank, or leaves the channels open.
    """
    known = isinstance(input_shape, tuple | list) and len(input_shape) == rank + 2
    depth = input_shape[-1] if known else None
    if depth is None or not is_whole(depth):
        raise ValueError(
            explain(
                f"{where}.build",
                expected=f"an input shape {_KINDS[rank]} with a known number of channels",
                received=f"{input_shape}",
                action="Add the missing dimension: x[..., None] for data of one channel.",
            )
        )
    return int(depth)


def need_rank(where: str, inputs: Array, rank: int) -> None:
    """Raises a ValueError unless inputs have samples, that many dimensions, and channels."""
    if inputs.ndim != rank + 2:
        raise ValueError(
            explain(
                f"{where}(inputs)",
                expected=f"inputs of shape {_KINDS[rank]}",
                received=describe(inputs),
                action="Add the missing dimension: x[..., None] for data of one channel.",
            )
        )
