"""Losses of scores, one value for each sample."""

import jax.numpy as jnp
import optax

from callbax._core._errors import describe, explain
from callbax._core._types import Array
from callbax._tf._convert import TensorLike, to_array


def softmax_cross_entropy_with_logits(
    labels: TensorLike, logits: TensorLike, axis: int = -1, name: str | None = None
) -> Array:
    """Returns the crossentropy between distributions over classes and scores.

    For classes that exclude each other, with one-hot or soft labels.

    Args:
        labels: A distribution for each sample.
        logits: Scores before a softmax, of the same shape.
        axis: The axis of the classes.
        name: Not used.

    Returns:
        One value for each sample: the shape of the scores without the axis of the classes.

    Raises:
        ValueError: Labels and scores differ in shape.

    Example:
        >>> round(float(softmax_cross_entropy_with_logits([0.0, 1.0], [0.0, 0.0])), 4)
        0.6931

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/softmax_cross_entropy_with_logits
    """
    where = "nn.softmax_cross_entropy_with_logits"
    scores = to_array(where, logits)
    targets = to_array(where, labels).astype(scores.dtype)
    if targets.shape != scores.shape:
        hint = "For class numbers use `nn.sparse_softmax_cross_entropy_with_logits`."
        raise _refusal(where, "labels of the shape of the scores", targets, scores, hint)
    loss: Array = optax.softmax_cross_entropy(scores, targets, axis)
    return loss


def sparse_softmax_cross_entropy_with_logits(
    labels: TensorLike, logits: TensorLike, name: str | None = None
) -> Array:
    """Returns the crossentropy between class numbers and scores.

    For classes that exclude each other, with integer labels. A label outside of the classes gives
    NaN.

    Args:
        labels: A class number for each sample.
        logits: Scores before a softmax, classes last.
        name: Not used.

    Returns:
        One value for each sample, in the shape of the labels.

    Raises:
        ValueError: There is not one label for each sample, or labels are not whole numbers.

    Example:
        >>> round(float(sparse_softmax_cross_entropy_with_logits(1, [0.0, 0.0])), 4)
        0.6931

    Source:
    https://www.tensorflow.org/api_docs/python/tf/nn/sparse_softmax_cross_entropy_with_logits
    """
    where = "nn.sparse_softmax_cross_entropy_with_logits"
    scores, classes = to_array(where, logits), to_array(where, labels)
    if classes.shape != scores.shape[:-1] or classes.dtype.kind not in "iu":
        hint = "For one-hot labels use `nn.softmax_cross_entropy_with_logits`."
        raise _refusal(where, "one whole number for each sample", classes, scores, hint)
    legal = (classes >= 0) & (classes < scores.shape[-1])
    inside = jnp.where(legal, classes, 0).astype(jnp.int32)
    values: Array = optax.softmax_cross_entropy_with_integer_labels(scores, inside)
    return jnp.where(legal, values, jnp.nan)


def sigmoid_cross_entropy_with_logits(
    labels: TensorLike, logits: TensorLike, name: str | None = None
) -> Array:
    """Returns the crossentropy between probabilities and scores, each by itself.

    For two classes, and for labels of which several may hold at once.

    Args:
        labels: Numbers from 0 to 1.
        logits: Scores before a sigmoid, of the same shape.
        name: Not used.

    Returns:
        One value for each score.

    Raises:
        ValueError: Labels and scores differ in shape.

    Example:
        >>> [round(y, 4) for y in sigmoid_cross_entropy_with_logits([1.0], [0.0]).tolist()]
        [0.6931]

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/sigmoid_cross_entropy_with_logits
    """
    where = "nn.sigmoid_cross_entropy_with_logits"
    scores = to_array(where, logits)
    targets = to_array(where, labels).astype(scores.dtype)
    if targets.shape != scores.shape:
        raise _refusal(where, "labels of the shape of the scores", targets, scores, "Reshape them.")
    loss: Array = optax.sigmoid_binary_cross_entropy(scores, targets)
    return loss


def l2_loss(t: TensorLike, name: str | None = None) -> Array:
    """Returns half the sum of squares.

    Args:
        t: Numbers of any shape.
        name: Not used.

    Example:
        >>> float(l2_loss([3.0, 4.0]))
        12.5

    Source: https://www.tensorflow.org/api_docs/python/tf/nn/l2_loss
    """
    return jnp.sum(jnp.square(to_array("nn.l2_loss", t))) / 2


def _refusal(where: str, expected: str, labels: Array, scores: Array, action: str) -> ValueError:
    return ValueError(
        explain(
            f"{where}(labels, logits)",
            expected=expected,
            received=f"{describe(labels)} for scores of shape {scores.shape}",
            action=action,
        )
    )
