"""utils.to_categorical beside Keras's."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from callbax.utils import to_categorical

ACCEPTED = {
    "a list": ([0, 2, 1], None),
    "with num_classes": ([0, 2, 1], 5),
    "num_classes of 0 counts as none": ([0, 2, 1], 0),
    "a column": ([[0], [2], [1]], None),
    "a matrix": ([[0, 2], [1, 1]], 4),
    "a box that ends in a column": (np.zeros((2, 3, 1), int), 2),
    "a single number": (3, None),
    "whole floats": (np.array([0.0, 3.0]), None),
    "unsigned bytes": (np.array([255, 0], np.uint8), None),
    "booleans": ([True, False], None),
    "nothing, with num_classes": (np.zeros((0,), int), 3),
}


@pytest.mark.parametrize(("x", "num_classes"), ACCEPTED.values(), ids=ACCEPTED)
def test_same_as_keras(x, num_classes):
    ours = to_categorical(x, num_classes)
    theirs = keras.utils.to_categorical(x, num_classes)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_a_jax_array_gives_numpy():
    ours = to_categorical(jnp.array([1, 0]), num_classes=2)
    assert isinstance(ours, np.ndarray)
    np.testing.assert_array_equal(ours, [[0, 1], [1, 0]])


REFUSED = {
    "empty": ([], None, "expected at least one class number, received ndarray of shape (0,)"),
    "a fraction": ([0.5], None, "expected whole numbers, received ndarray of shape (1,)"),
    "too large": ([3], 3, "expected class numbers from 0 to 2, received numbers from 3 to 3"),
    "negative": ([-1, 1], None, "expected class numbers from 0 to 1, received numbers from -1 to"),
}


@pytest.mark.parametrize(("x", "num_classes", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals_say_why(x, num_classes, words):
    with pytest.raises(ValueError, match=r"^`to_categorical\(x\)`: ") as caught:
        to_categorical(x, num_classes)
    assert words in str(caught.value)
