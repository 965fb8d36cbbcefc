"""Weights per class, and the sample weights that they come to."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._data._rows import Rows


def check_class_weight(where: str, class_weight: Any) -> dict[int, float] | None:
    """Returns what users pass as ``class_weight`` with plain numbers in it; None for None.

    Args:
        where: The public call, for errors.
        class_weight: Class number -> weight; a number may be written as text, as in JSON.

    Raises:
        ValueError: It is not such a dict.
    """
    if class_weight is None:
        return None
    try:
        return {int(label): float(weight) for label, weight in class_weight.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            explain(
                f"{where}(class_weight=...)",
                expected="a dict of class number -> weight",
                received=describe(class_weight),
                action="Pass for example {0: 1.0, 1: 2.5}.",
            )
        ) from error


def weigh(
    where: str, y: PyTree, sample_weight: PyTree, class_weight: Mapping[int, float] | None
) -> PyTree:
    """Returns the sample weights of some rows: those given, or what their classes weigh.

    Args:
        where: The public call, for errors.
        y: Targets; with class weights one array, class numbers of shape (samples,) or
            (samples, 1), or one-hot rows.
        sample_weight: Weights per sample, if any.
        class_weight: What `check_class_weight` returned; classes left out weigh 1.

    Returns:
        Float32 of shape (samples,) if there are class weights, else `sample_weight`.

    Raises:
        ValueError: There are both kinds of weights, or several outputs.
    """
    if class_weight is None:
        return sample_weight
    if sample_weight is not None:
        raise ValueError(
            explain(
                f"{where}(class_weight=..., sample_weight=...)",
                expected="one of the two",
                received="both",
                action="Multiply the class weights into `sample_weight`.",
            )
        )
    if y is None or isinstance(y, dict | tuple | list):
        raise ValueError(
            explain(
                f"{where}(class_weight=...)",
                expected="one array of labels `y`",
                received=describe(y),
                action="With several outputs, pass `sample_weight` with an array per output.",
            )
        )
    pieces = y.pieces() if isinstance(y, Rows) else (np.asarray(y),)
    labels = np.concatenate([_labels(piece) for piece in pieces])
    numbers, positions = np.unique(np.round(labels).astype(np.int64), return_inverse=True)
    per_class = np.array([class_weight.get(int(n), 1.0) for n in numbers], np.float32)
    return per_class[positions].reshape(labels.shape)


def _labels(y: NDArray[Any]) -> NDArray[Any]:
    if y.ndim == 1:
        return y
    return y.argmax(-1) if y.shape[-1] != 1 else y[..., 0]
