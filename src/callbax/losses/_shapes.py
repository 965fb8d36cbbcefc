"""How labels, predictions and weights are brought to one shape."""

from collections.abc import Sequence
from typing import Literal

import jax.numpy as jnp

from callbax._core._errors import describe, explain
from callbax._core._types import Array

LabelKind = Literal["binary", "sparse", "categorical"]


def same_rank(first: Array, second: Array) -> tuple[Array, Array]:
    """Adds or drops a last axis of length 1 if the ranks of two arrays differ by one.

    An axis is added to a vector, dropped otherwise.

    Example:
        >>> [x.shape for x in same_rank(jnp.zeros(3), jnp.zeros((3, 1)))]
        [(3, 1), (3, 1)]
        >>> [x.shape for x in same_rank(jnp.zeros((3, 2)), jnp.zeros((3, 2, 1)))]
        [(3, 2), (3, 2)]

    Source: ``squeeze_or_expand_to_same_rank`` in Keras.
    """
    if first.ndim == second.ndim + 1 and first.shape[-1] == 1:
        if second.ndim == 1:
            return first, second[:, None]
        return jnp.squeeze(first, -1), second
    if second.ndim == first.ndim + 1 and second.shape[-1] == 1:
        second, first = same_rank(second, first)
    return first, second


def require_same_shape(where: str, y_true: Array, y_pred: Array, *, hint: str = "") -> None:
    """Raises if labels and predictions do not match, one for one.

    Args:
        where: The public function at fault.
        y_true: Labels.
        y_pred: Predictions.
        hint: A whole sentence on what else the user may have meant.
    """
    if y_true.shape != y_pred.shape or not y_true.ndim:
        raise ValueError(
            explain(
                f"{where}(y_true, y_pred)",
                expected="labels and predictions of one shape, at least one-dimensional",
                received=f"y_true of shape {y_true.shape} and y_pred of shape {y_pred.shape}",
                action=_to_one_shape(y_true.shape, y_pred.shape, hint),
            )
        )


def _to_one_shape(y_true: tuple[int, ...], y_pred: tuple[int, ...], hint: str) -> str:
    """Returns what to do about labels and predictions of two shapes."""
    if len(y_pred) > max(len(y_true), 2):
        return f"{_TOO_DEEP} {hint}".rstrip()
    action = "Give the labels the shape of the model's output."
    if 0 < len(y_pred) == len(y_true) and y_pred[:-1] == y_true[:-1]:
        outputs, labels = (
            f"{n} {noun}" + "s" * (n != 1)
            for n, noun in ((y_true[-1], "output"), (y_pred[-1], "label"))
        )
        action = f"Give the last layer {outputs}, or each sample {labels}."
        if y_true[1:] == (1,):  # or the last axis of the output, a 1, is left out already
            action += " If a `Flatten` before the first `Dense` is missing, put it there."
    return f"{action} {hint}".rstrip()


_TOO_DEEP = (
    "The model's outputs have more dimensions than its labels: put a `Flatten` before the first "
    "`Dense`, a `GlobalAveragePooling` after convolutions, or leave out `return_sequences=True` of "
    "the last recurrent layer."
)


def class_labels(where: str, y_true: Array, y_pred: Array, *, axis: int = -1, hint: str) -> Array:
    """Brings class numbers to the predictions' shape without the axis of the classes, or raises.

    Args:
        where: The public function at fault.
        y_true: Class numbers, perhaps with a 1 at that axis.
        y_pred: Predictions.
        axis: The axis of the classes.
        hint: A whole sentence on what else the user may have meant.
    """
    if y_true.ndim == y_pred.ndim and y_true.ndim and y_true.shape[axis] == 1:
        y_true = jnp.squeeze(y_true, axis)
    expected = y_pred.shape[:axis] + y_pred.shape[axis:][1:]
    if y_true.shape != expected or not y_pred.ndim:
        raise ValueError(
            explain(
                f"{where}(y_true, y_pred)",
                expected=f"class numbers of shape {expected}, one per prediction",
                received=f"y_true of shape {y_true.shape} and y_pred of shape {y_pred.shape}",
                action=hint if y_true.ndim > y_pred.ndim - 2 else _TOO_DEEP,
            )
        )
    return y_true


def align_weights(values: Array, weights: Array) -> Array:
    """Adds trailing axes to weights until they broadcast to the values they weight.

    Args:
        values: One value for each thing that is weighted, samples first.
        weights: One weight for each sample, or for each step of each sample.

    Raises:
        ValueError: The shapes do not fit.
    """
    if weights.ndim:
        weights = jnp.reshape(weights, weights.shape + (1,) * (values.ndim - weights.ndim))
    pairs = zip(weights.shape, values.shape, strict=False)
    if weights.ndim > values.ndim or any(w not in (1, v) for w, v in pairs):
        raise ValueError(
            explain(
                "sample_weight",
                expected="one weight for each sample, or a shape that broadcasts to the values",
                received=f"{describe(weights)} for values of shape {values.shape}",
                action="Pass weights of shape (batch,), and let the loss or metric return one "
                "value for each sample.",
            )
        )
    return weights


def weighted(values: Array, weights: Array) -> Array:
    """Multiplies values by weights that broadcast to them; what weighs 0 is 0, NaN or not.

    So a label that only fills a place, such as -1, may stand where the weight is 0.
    """
    return jnp.where(weights == 0, 0, values * weights)


def masked_weights(weights: Array | None, mask: Array) -> Array:
    """Merges a mask of zeros and ones, or of factors, into weights."""
    if weights is None:
        return mask
    mask, weights = same_rank(mask, weights)
    return mask * align_weights(mask, weights)


def label_kind(y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> LabelKind:
    """Returns which kind of classification two shapes, batch first, speak of.

    Example:
        >>> label_kind((32,), (32, 10)), label_kind((32, 10), (32, 10)), label_kind((32,), (32, 1))
        ('sparse', 'categorical', 'binary')

    Differs from Keras: one number per sample is binary even without a last axis; Keras compares
    the batch size with 1 there.

    Source: ``is_binary_or_sparse_categorical`` in Keras.
    """
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return "binary"
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return "sparse"
    return "categorical"
