"""What layers ask of inputs with dimensions between samples and channels."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from callbax._core._arguments import count, is_whole, one_of
from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax.layers._layer import Layer, Shape

FIRST, LAST = "channels_first", "channels_last"
_BETWEEN = {1: ("steps",), 2: ("rows", "columns")}
_TOO_FEW = {
    1: "Let a recurrent layer before it return sequences: return_sequences=True; or give each "
    "step one channel: x[..., None].",
    2: "Leave out a `Flatten` before it; or give grey images their channel: x[..., None].",
}
_TOO_MANY = {
    1: "Put a `Reshape((steps, channels))` or a pooling layer before it.",
    2: "Put a `Reshape((rows, columns, channels))` before it.",
}


def format_of(where: str, value: str | None) -> str:
    """Returns the data format that an argument says; None is "channels_last".

    Raises:
        ValueError: It is another one.
    """
    return LAST if value is None else one_of(where, "data_format", value, (LAST, FIRST))


def lengths(
    where: str, name: str, value: int | Sequence[int], rank: int, *, least: int = 1
) -> tuple[int, ...]:
    """Returns one length for each dimension.

    Args:
        where: The class at fault.
        name: The argument's name.
        value: One length for all, or a sequence.
        rank: How many dimensions there are.
        least: The smallest that a length may be.

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
    return tuple(count(where, name, length, least=least) for length in each)


def channels(layer: Layer, input_shape: Shape, rank: int, data_format: str = LAST) -> int:
    """Returns the channels of inputs of a shape.

    Raises:
        ValueError: The shape has another rank, or leaves the channels open.
    """
    known = isinstance(input_shape, tuple | list)
    axis = 1 if data_format == FIRST else -1
    if known and len(input_shape) == rank + 2 and is_whole(depth := input_shape[axis]):
        return int(depth)
    action = "Say the number of channels: it is a dimension of a weight."
    if known and len(input_shape) != rank + 2:
        action = _advice(len(input_shape), rank)
    raise ValueError(
        explain(
            f"{layer.name}.build",
            expected=f"an input shape {_shape(rank, data_format)} with a known number of channels",
            received=f"{input_shape}",
            action=action,
        )
    )


def check_inputs(
    layer: Layer, inputs: Array, rank: int, data_format: str = LAST, depth: int | None = None
) -> None:
    """Checks a batch.

    Args:
        layer: The layer that it is for.
        inputs: The batch.
        rank: How many dimensions there are between samples and channels.
        data_format: Where channels are.
        depth: How many channels there must be, if that is known.

    Raises:
        ValueError: The batch has another rank or other channels.
    """
    axis = 1 if data_format == FIRST else -1
    if inputs.ndim == rank + 2 and depth in (None, inputs.shape[axis]):
        return
    other = inputs.shape[-1 if axis == 1 else 1] if inputs.ndim > 1 else None
    if inputs.ndim != rank + 2:
        action = _advice(inputs.ndim, rank)
    elif other == depth:
        moved = "np.moveaxis(x, 1, -1)" if axis == -1 else "np.moveaxis(x, -1, 1)"
        action = f"The channels seem to be at the other end: {moved} moves them."
    else:
        action = "Give the data these channels, or make a new layer for those that it has."
    whole = "" if depth is None else f" with {depth} channels"
    raise ValueError(
        explain(
            f"{layer.name}(inputs)",
            expected=f"inputs of shape {_shape(rank, data_format)}{whole}",
            received=describe(inputs),
            action=action,
        )
    )


def check_fit(layer: Layer, between: Sequence[int], window: Sequence[int]) -> None:
    """Raises a ValueError if windows without padding are longer than what they slide over.

    A length of at most 1 passes: it may stand for one that is open until data come.
    """
    if any(1 < length < size for length, size in zip(between, window, strict=True)):
        raise ValueError(
            explain(
                f"{layer.name}(inputs)",
                expected=f"inputs of at least {tuple(window)} between samples and channels",
                received=f"{tuple(between)}, of which nothing would be left",
                action='Pass padding="same", take a smaller window, or leave out a layer before '
                "it that makes the inputs smaller.",
            )
        )


def channels_last(inputs: Array, data_format: str) -> Array:
    """Returns inputs of a data format with channels last."""
    return jnp.moveaxis(inputs, 1, -1) if data_format == FIRST else inputs


def channels_back(outputs: Array, data_format: str) -> Array:
    """Returns outputs, channels last, in a data format."""
    return jnp.moveaxis(outputs, -1, 1) if data_format == FIRST else outputs


def at_least_float32(inputs: Any) -> Array:
    """Returns inputs in float32, or a wider kind of float: sums of narrow numbers go wrong."""
    inputs = jnp.asarray(inputs)
    return jnp.astype(inputs, jnp.promote_types(inputs.dtype, jnp.float32))


def _shape(rank: int, data_format: str) -> str:
    between = _BETWEEN[rank]
    named = ("channels", *between) if data_format == FIRST else (*between, "channels")
    return f"(samples, {', '.join(named)})"


def _advice(ndim: int, rank: int) -> str:
    return _TOO_FEW[rank] if ndim < rank + 2 else _TOO_MANY[rank]
