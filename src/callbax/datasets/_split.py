"""Splits data into a part to train on and one to test on."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Part = tuple[NDArray[Any], NDArray[Any]]


def split(x: NDArray[Any], y: NDArray[Any], test_split: float, seed: int) -> tuple[Part, Part]:
    """Shuffles and splits as Keras does.

    Args:
        x: Inputs, samples first.
        y: Labels, samples first.
        test_split: Which share is for testing.
        seed: Of the order.
    """
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    train = int(len(x) * (1 - test_split))
    first, second = order[:train], order[train:]
    return (x[first], y[first]), (x[second], y[second])
