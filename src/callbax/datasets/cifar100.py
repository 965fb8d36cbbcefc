"""CIFAR-100: 60,000 small photographs of a hundred kinds of things."""

from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray

from callbax._core._arguments import one_of
from callbax.datasets._cifar import read_batches
from callbax.datasets._files import find

Part = tuple[UInt8[NDArray[Any], "n 32 32 3"], Int64[NDArray[Any], "n 1"]]


def load_data(label_mode: str = "fine", *, download: bool = True) -> tuple[Part, Part]:
    """Loads CIFAR-100: 32x32 colour photographs of a hundred kinds of things.

    For classifiers that are to tell many classes apart. The archive ``cifar-100-python.tar.gz`` is
    looked for in the cache folder (``$CALLBAX_DATA_DIR``, else ``callbax`` in the user's cache
    folder), then in Keras's own cache, and downloaded if it is missing.

    Differs from Keras: reads the archive without unpacking it, and can be told not to download.

    Args:
        label_mode: "fine" for 100 classes, "coarse" for the 20 groups of five that they form.
        download: Whether a missing file may be downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: uint8 images of shapes (50000, 32, 32, 3) and
        (10000, 32, 32, 3) with values 0 to 255, int64 labels of shapes (50000, 1) and (10000, 1).

    Raises:
        FileNotFoundError: It is not cached, and could not or was not to be downloaded.
        ValueError: The mode is another one, or the file is damaged or holds something else.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_test.shape  # doctest: +SKIP
        ((50000, 32, 32, 3), (10000, 1))

    Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html;
    https://keras.io/api/datasets/cifar100/
    """
    mode = one_of("cifar100.load_data", "label_mode", label_mode, ("fine", "coarse"))
    where = f"cifar100.load_data({mode!r})"
    file = find("cifar-100-python.tar.gz", where, download=download)
    halves = (["cifar-100-python/train"], ["cifar-100-python/test"])
    parts = [read_batches(file, members, f"{mode}_labels", where) for members in halves]
    first, second = ((x, np.reshape(np.array(y, np.int64), (-1, 1))) for x, y in parts)
    return first, second
