"""California: what 20,640 districts' houses cost in 1990."""

import os
from typing import Any

from jaxtyping import Float
from numpy.typing import NDArray

from callbax._core._arguments import one_of, share
from callbax.datasets._files import find
from callbax.datasets._npz import read_npz
from callbax.datasets._split import split

Part = tuple[Float[NDArray[Any], "n 8"], Float[NDArray[Any], " n"]]

_SMALL = 600


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
    *,
    download: bool = True,
) -> tuple[Part, Part]:
    """Loads house prices of California's districts, and eight numbers about each district.

    For a regression on tables. The file is looked for in the cache folder (``$CALLBAX_DATA_DIR``,
    else ``callbax`` in the user's cache folder), then in Keras's own cache, and downloaded if it is
    missing.

    Differs from Keras: takes an absolute path, and can be told not to download.

    Args:
        version: "large" for all 20,640 districts, "small" for the first 600.
        path: Name of the ``.npz`` file in the cache folder, or an absolute path to it.
        test_split: Which share of the districts is for testing, in [0, 1).
        seed: Of their order.
        download: Whether a missing file may be downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: numbers of shape (districts, 8), median prices of
        shape (districts,) in dollars; floats as they are in the file.

    Raises:
        FileNotFoundError: It is not cached, and could not or was not to be downloaded.
        ValueError: An argument is out of its range, or the file is damaged or holds something else.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_test.shape  # doctest: +SKIP
        ((16512, 8), (4128,))

    Source: R. Pace, R. Barry, Sparse Spatial Autoregressions, 1997;
    https://keras.io/api/datasets/california_housing/
    """
    name = "california_housing.load_data"
    one_of(name, "version", version, ("large", "small"))
    share(name, "test_split", test_split, whole=False, action="Pass for example 0.2.")
    where = f"{name}({version!r}, {os.fspath(path)!r})"
    file = find("california_housing.npz", where, path=path, download=download)
    x, y = read_npz(file, ("x", "y"), where)
    if version == "small":
        x, y = x[:_SMALL], y[:_SMALL]
    return split(x, y, test_split, seed)
