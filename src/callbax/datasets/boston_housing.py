"""Boston: what 506 districts' houses cost in the 1970s."""

import os
from typing import Any

from jaxtyping import Float
from numpy.typing import NDArray

from callbax._core._arguments import share
from callbax.datasets._files import find
from callbax.datasets._npz import read_npz
from callbax.datasets._split import split

Part = tuple[Float[NDArray[Any], "n 13"], Float[NDArray[Any], " n"]]


def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
    *,
    download: bool = True,
) -> tuple[Part, Part]:
    """Loads house prices of Boston's districts, and 13 numbers about each district.

    For scripts that use it. One of the numbers, "B", seems to assume that segregation sets prices;
    `callbax.datasets.california_housing` has none like it. The file is looked for in the cache
    folder (``$CALLBAX_DATA_DIR``, else ``callbax`` in the user's cache folder), then in Keras's own
    cache, and downloaded if it is missing.

    Differs from Keras: takes an absolute path, and can be told not to download.

    Args:
        path: Name of the ``.npz`` file in the cache folder, or an absolute path to it.
        test_split: Which share of the districts is for testing, in [0, 1).
        seed: Of their order.
        download: Whether a missing file may be downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: numbers of shape (districts, 13), median prices of
        shape (districts,) in thousands of dollars; floats as they are in the file.

    Raises:
        FileNotFoundError: It is not cached, and could not or was not to be downloaded.
        ValueError: An argument is out of its range, or the file is damaged or holds something else.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_test.shape  # doctest: +SKIP
        ((404, 13), (102,))

    Source: D. Harrison, D. Rubinfeld, Hedonic Housing Prices and the Demand for Clean Air, 1978;
    https://keras.io/api/datasets/boston_housing/
    """
    name = "boston_housing.load_data"
    share(name, "test_split", test_split, whole=False, action="Pass for example 0.2.")
    where = f"{name}({os.fspath(path)!r})"
    file = find("boston_housing.npz", where, path=path, download=download)
    x, y = read_npz(file, ("x", "y"), where)
    return split(x, y, test_split, seed)
