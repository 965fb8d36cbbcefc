"""Sequences of one length."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from callbax._core._arguments import one_of, optional_count
from callbax._core._errors import describe, explain

_SIDES = ("pre", "post")


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> NDArray[Any]:
    """Makes sequences equally long: short ones are filled up, long ones cut.

    Use it for texts as lists of word numbers, before an `Embedding` or a recurrent layer.

    Differs from Keras: numbers that the dtype cannot hold, such as 0.5 in the default int32, are
    refused instead of cut.

    Args:
        sequences: Sequences of numbers, or of arrays of one shape.
        maxlen: The length of all; ``None`` for that of the longest.
        dtype: Dtype of the array; ``object`` for text of any length.
        padding: Where short ones are filled up: "pre" before, "post" behind them.
        truncating: Where long ones are cut: "pre" drops their beginning, "post" their end.
        value: What they are filled up with.

    Returns:
        Array of shape (sequences, length, ...).

    Raises:
        ValueError: A sequence is not one, they do not fit each other or the dtype, or an argument
            is out of its range.

    Example:
        >>> pad_sequences([[1], [2, 3], [4, 5, 6]])
        array([[0, 0, 1],
               [0, 2, 3],
               [4, 5, 6]], dtype=int32)
        >>> pad_sequences([[1], [2, 3, 4]], maxlen=2, padding="post", truncating="post")
        array([[1, 0],
               [2, 3]], dtype=int32)

    Source: https://keras.io/api/data_loading/timeseries/#padsequences-function
    """
    one_of("pad_sequences", "padding", padding, _SIDES)
    one_of("pad_sequences", "truncating", truncating, _SIDES)
    optional_count("pad_sequences", "maxlen", maxlen)
    lengths = _lengths(sequences)
    length = max(lengths) if maxlen is None else int(maxlen)
    first = next((one for one, its in zip(sequences, lengths, strict=True) if its), ())
    padded = _filled((len(lengths), length, *np.asarray(first).shape[1:]), value, dtype)
    for i, sequence in enumerate(sequences):
        if not lengths[i]:
            continue
        cut = sequence[-length:] if truncating == "pre" else sequence[:length]
        kept = _typed(cut, padded, i)
        padded[i, (slice(-len(kept), None) if padding == "pre" else slice(len(kept)))] = kept
    return padded


def _lengths(sequences: Sequence[Any]) -> list[int]:
    if not hasattr(sequences, "__len__") or not len(sequences):
        raise _refusal("sequences", "a list of sequences, at least one", describe(sequences))
    wrong = [i for i, one in enumerate(sequences) if not hasattr(one, "__len__")]
    if wrong:
        received = f"at position {wrong[0]} {describe(sequences[wrong[0]])}"
        raise _refusal("sequences", "a list of sequences", received)
    return [len(one) for one in sequences]


def _filled(shape: tuple[int, ...], value: float | str, dtype: DTypeLike) -> NDArray[Any]:
    """Returns an array full of a value, which the dtype must be able to hold."""
    kind = np.dtype(dtype)
    fits = kind.kind in "OUS" if isinstance(value, str) else True
    if kind.kind in "iu" and not isinstance(value, str):
        limits = np.iinfo(kind)
        fits = float(value).is_integer() and limits.min <= value <= limits.max
    if not fits:
        raise _refusal("value", f"a value that fits the dtype {kind}", describe(value))
    return np.full(shape, value, kind)


def _typed(sequence: Any, padded: NDArray[Any], position: int) -> NDArray[Any]:
    """Returns a sequence in the dtype and with the shape of the others."""
    given = np.asarray(sequence, padded.dtype if padded.dtype == object else None)
    if given.shape[1:] != padded.shape[2:]:
        received = f"at position {position} one of shape {given.shape[1:]}"
        expected = f"sequences of elements of shape {padded.shape[2:]}"
        raise _refusal("sequences", expected, received)
    kept = given.astype(padded.dtype)
    if padded.dtype.kind in "iu" and not np.array_equal(kept, given):
        received = f"at position {position} {describe(given)} with other values"
        raise _refusal("sequences", f"numbers that fit the dtype {padded.dtype}", received)
    return kept


def _refusal(argument: str, expected: str, received: str) -> ValueError:
    return ValueError(
        explain(
            f"pad_sequences({argument}=...)",
            expected=expected,
            received=received,
            action='Pass for example dtype="float32" for numbers that are not whole, or '
            "dtype=object for text.",
        )
    )
