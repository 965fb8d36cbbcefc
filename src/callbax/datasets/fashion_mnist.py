"""Fashion-MNIST: 70,000 pictures of clothes."""

from typing import Any

from jaxtyping import UInt8
from numpy.typing import NDArray

from callbax.datasets._files import find
from callbax.datasets._idx import read_idx

TrainPart = tuple[UInt8[NDArray[Any], "60000 28 28"], UInt8[NDArray[Any], " 60000"]]
TestPart = tuple[UInt8[NDArray[Any], "10000 28 28"], UInt8[NDArray[Any], " 10000"]]

_WHERE = "fashion_mnist.load_data()"


def load_data(*, download: bool = True) -> tuple[TrainPart, TestPart]:
    """Loads Fashion-MNIST: 28x28 grey-scale images of ten kinds of clothes.

    Use it in place of MNIST if that is too easy. Its four files are looked for below
    ``fashion-mnist`` in the cache folder (``$CALLBAX_DATA_DIR``, else ``callbax`` in the user's
    cache folder), then in Keras's own cache, and downloaded if they are missing.

    Differs from Keras: checks shapes and checksums, returns arrays that may be written to, and can
    be told not to download.

    Args:
        download: Whether missing files may be downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, all uint8: images of shapes (60000, 28, 28) and
        (10000, 28, 28) with values 0 to 255, labels of shapes (60000,) and (10000,): 0 T-shirt,
        1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Raises:
        FileNotFoundError: A file is not cached, and could not or was not to be downloaded.
        ValueError: A file is damaged, or holds something else.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, x_train.dtype, y_test.shape  # doctest: +SKIP
        ((60000, 28, 28), dtype('uint8'), (10000,))

    Source: https://github.com/zalandoresearch/fashion-mnist (MIT);
    https://keras.io/api/datasets/fashion_mnist/
    """
    return (
        (_read("train-images-idx3", (60000, 28, 28), download), _labels("train", 60000, download)),
        (_read("t10k-images-idx3", (10000, 28, 28), download), _labels("t10k", 10000, download)),
    )


def _labels(half: str, count: int, download: bool) -> NDArray[Any]:
    return _read(f"{half}-labels-idx1", (count,), download)


def _read(kind: str, shape: tuple[int, ...], download: bool) -> NDArray[Any]:
    file = find(f"fashion-mnist/{kind}-ubyte.gz", _WHERE, download=download)
    return read_idx(file, shape, where=_WHERE)
