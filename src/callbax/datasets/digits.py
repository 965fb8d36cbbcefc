"""Scikit-learn's small handwritten digits, which need no download."""

import importlib
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from callbax._core._errors import explain

Part = tuple[UInt8[NDArray[Any], "n 8 8"], UInt8[NDArray[Any], " n"]]

_TRAIN_COUNT = 1437


def load_data() -> tuple[Part, Part]:
    """Loads the 1,797 8x8 digits that come with scikit-learn.

    Use it for examples and tests on real data that must run offline, in seconds. The split is
    fixed: the first 1,437 images (80%) train, the last 360 (20%) test, in scikit-learn's order.
    Keras has no such data set; the returned tuple has the shape of ``mnist.load_data``'s.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, all uint8: images of shapes (1437, 8, 8) and
        (360, 8, 8) with values **0 to 16**, labels of shapes (1437,) and (360,).

    Raises:
        ImportError: Scikit-learn is not installed.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()
        >>> x_train.shape, y_train.shape, x_test.shape, int(x_train.max())
        ((1437, 8, 8), (1437,), (360, 8, 8), 16)

    Source: https://archive.ics.uci.edu/dataset/80 (its test half), by way of
    ``sklearn.datasets.load_digits``.
    """
    try:
        sklearn_datasets = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise ImportError(
            explain(
                "digits.load_data()",
                expected="scikit-learn, which brings the images",
                received="an environment without it",
                action='Install it: pip install "callbax[demo]".',
            )
        ) from error
    digits = sklearn_datasets.load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    train, test = slice(_TRAIN_COUNT), slice(_TRAIN_COUNT, None)
    return (images[train], labels[train]), (images[test], labels[test])
