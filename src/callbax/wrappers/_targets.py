"""Class labels as what a model is trained on, and a model's outputs as labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import type_of_target

from callbax._core._errors import explain


def classes_of(owner: str, y: NDArray[Any], weight: Any = None) -> NDArray[Any]:
    """Returns the classes in labels, sorted.

    Args:
        owner: Class name of the estimator.
        y: The labels.
        weight: Weight of each sample, or None; two or more classes have to have one.

    Raises:
        ValueError: They are not labels of classes, or only of one.
    """
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind not in ("binary", "multiclass"):
        # scikit-learn's own estimators say it in these words, which its checks look for.
        raise ValueError(
            explain(
                f"{owner}.fit(y=...)",
                expected="one class for each sample",
                received=f"Unknown label type: {kind}",
                action="Pass labels of two or more classes; for numbers use `SKLearnRegressor`.",
            )
        )
    classes: NDArray[Any] = np.unique(y)
    counting = classes if weight is None else np.unique(y[np.asarray(weight) != 0])
    if len(counting) < 2:
        argument = "y" if len(classes) < 2 else "sample_weight"
        raise ValueError(
            explain(
                f"{owner}.fit({argument}=...)",
                expected="samples of two or more classes",
                received="those of one class",
                action="A classifier has nothing to tell apart: look at how the data are split.",
            )
        )
    return classes


def one_hot(numbers: NDArray[Any], count: int) -> NDArray[Any]:
    """Returns class numbers as rows of zeros with a one."""
    rows: NDArray[Any] = np.eye(count, dtype="float32")[numbers]
    return rows


def as_trained(numbers: NDArray[Any], count: int, model: Any) -> NDArray[Any]:
    """Returns class numbers in the form that a model's loss takes.

    Args:
        numbers: Of shape (samples,).
        count: How many classes there are.
        model: A compiled model: with a sparse loss it gets the numbers, with one output a column
            of zeros and ones, else a one for each class.
    """
    if "sparse" in loss_name(model.loss):
        return numbers
    if count == 2 and width(model) == 1:
        column: NDArray[Any] = numbers[:, None].astype("float32")
        return column
    return one_hot(numbers, count)


def as_probabilities(outputs: NDArray[Any]) -> NDArray[Any]:
    """Returns a probability for each class, also if a model gives that of the second one alone."""
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        second = outputs.reshape(-1, 1)
        return np.concatenate([1 - second, second], axis=1)
    return outputs


def loss_name(loss: object) -> str:
    """Returns the name of a loss, for a text, an object or a function."""
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss).lower()


def width(model: Any) -> int | None:
    """Returns how many outputs a model has for each sample; None if that is not known yet."""
    try:
        return int(model.output_shape[-1])
    except (AttributeError, IndexError, TypeError, ValueError):
        return None
