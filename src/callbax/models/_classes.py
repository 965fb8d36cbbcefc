"""The classes of samples: the true ones, and those that outputs stand for."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._arguments import number, one_of
from callbax._core._errors import describe, explain

_WHERE = "model.plot_confusion_matrix"
_SUMS: dict[str, int | None] = {"true": 1, "pred": 0, "all": None}
"""Over which axis shares are taken."""


def confusion_matrix(
    pairs: Iterable[tuple[Any, Any]],
    class_names: Sequence[str] | None,
    normalize: str | None,
    threshold: float,
) -> tuple[NDArray[Any], list[str]]:
    """Returns how often each class was taken for each, and the names of the classes.

    Args:
        pairs: Labels and outputs, batch by batch.
        class_names: Names of the classes; None numbers them.
        normalize: None counts; "true", "pred" and "all" take shares.
        threshold: Above which a single output means class 1.

    Raises:
        ValueError: There is not one class for each sample, or there are other classes than names.
    """
    if normalize is not None:
        one_of(_WHERE, "normalize", normalize, tuple(_SUMS))
    number(_WHERE, "threshold", threshold)
    true, predicted, count = [], [], 0
    for labels, outputs in pairs:
        found, classes = _predicted(outputs, threshold)
        true.append(_true(labels, len(found)))
        predicted.append(found)
        count = max(count, classes)
    rows, columns = np.concatenate(true), np.concatenate(predicted)
    count = max(count, int(rows.max(initial=-1)) + 1)
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (rows, columns), 1)
    return _normalized(matrix, normalize), _names(class_names, count)


def _predicted(outputs: Any, threshold: float) -> tuple[NDArray[Any], int]:
    """Returns the class of each sample, and how many classes the outputs are for."""
    if isinstance(outputs, dict | list | tuple) or outputs.ndim not in (1, 2):
        raise ValueError(
            explain(
                _WHERE,
                expected="a model with one output of shape (samples, classes)",
                received=describe(outputs),
                action="Take the classes of each output yourself, from what `predict` returns.",
            )
        )
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        return (outputs.reshape(-1) > threshold).astype(np.int64), 2
    return outputs.argmax(axis=1), outputs.shape[1]


def _true(labels: Any, samples: int) -> NDArray[Any]:
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and labels.ndim == 2 and labels.shape[1] > 1:
        labels = labels.argmax(axis=1)
    whole = labels is not None and labels.size == samples and bool((labels == labels // 1).all())
    if labels is None or not whole or labels.min(initial=0) < 0:
        raise ValueError(
            explain(
                f"{_WHERE}(y=...)",
                expected="the class of each sample: numbers from 0 on, or one-hot rows",
                received=describe(labels),
                action="Pass the labels that `evaluate` takes.",
            )
        )
    classes: NDArray[Any] = labels.reshape(-1).astype(np.int64)
    return classes


def _normalized(matrix: NDArray[Any], normalize: str | None) -> NDArray[Any]:
    if normalize is None:
        return matrix
    sums = matrix.sum(axis=_SUMS[normalize], keepdims=True)
    shares: NDArray[Any] = matrix / np.maximum(sums, 1)
    return shares


def _names(class_names: Sequence[str] | None, count: int) -> list[str]:
    if class_names is None:
        return [str(number) for number in range(count)]
    if len(class_names) != count:
        raise ValueError(
            explain(
                f"{_WHERE}(class_names=...)",
                expected=f"a name for each of {count} classes",
                received=f"{len(class_names)}",
                action="Name all of them, class 0 first.",
            )
        )
    return [str(name) for name in class_names]
