"""CIFAR-10: 60,000 small photographs of ten kinds of things."""

from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from callbax.datasets._cifar import read_batches
from callbax.datasets._files import find

Part = tuple[UInt8[NDArray[Any], "n 32 32 3"], UInt8[NDArray[Any], "n 1"]]

_WHERE = "cifar10.load_data()"
_FOLDER = "cifar-10-batches-py"


def load_data(*, download: bool = True) -> tuple[Part, Part]:
    """Loads CIFAR-10: 32x32 colour photographs of ten kinds of things.

    The usual first test of an image classifier. The archive ``cifar-10-python.tar.gz`` is looked
    for in the cache folder (``$CALLBAX_DATA_DIR``, else ``callbax`` in the user's cache folder),
    then in Keras's own cache, and downloaded if it is missing.

    Differs from Keras: reads the archive without unpacking it, and can be told not to download.

    Args:
        download: Whether a missing file may be downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, all uint8: images of shapes (50000, 32, 32, 3) and
        (10000, 32, 32, 3) with values 0 to 255, labels of shapes (50000, 1) and (10000, 1):
        0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.

    Raises:
        FileNotFoundError: It is not cached, and could not or was not to be downloaded.
        ValueError: The file is damaged, or holds something else.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_test.shape  # doctest: +SKIP
        ((50000, 32, 32, 3), (10000, 1))

    Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html;
    https://keras.io/api/datasets/cifar10/
    """
    file = find("cifar-10-python.tar.gz", _WHERE, download=download)
    train = [f"{_FOLDER}/data_batch_{i}" for i in range(1, 6)]
    parts = [
        read_batches(file, members, "labels", _WHERE)
        for members in (train, [f"{_FOLDER}/test_batch"])
    ]
    first, second = ((x, np.reshape(np.array(y, np.uint8), (-1, 1))) for x, y in parts)
    return first, second
