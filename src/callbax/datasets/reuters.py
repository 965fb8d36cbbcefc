"""Reuters: 11,228 newswires of 46 topics."""

import json
import os
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from callbax._core._arguments import share
from callbax.datasets._files import find
from callbax.datasets._npz import read_npz
from callbax.datasets._sequences import WordChoice

Part = tuple[NDArray[np.object_], Int64[NDArray[Any], " n"]]

_LABEL_NAMES = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves "
    "ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin "
    "strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem "
    "dlr gas silver wpi hog lead"
)


def load_data(
    path: str | os.PathLike[str] = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    *,
    download: bool = True,
) -> tuple[Part, Part]:
    """Loads newswires as lists of word numbers, and their topics.

    For a classifier of texts with many classes; `callbax.utils.pad_sequences` makes the texts
    equally long. Words are numbered by how frequent they are. The file is looked for in the cache
    folder (``$CALLBAX_DATA_DIR``, else ``callbax`` in the user's cache folder), then in Keras's own
    cache, and downloaded if it is missing.

    Differs from Keras: takes an absolute path, and can be told not to download; texts of one length
    are lists in an array too.

    Args:
        path: Name of the ``.npz`` file in the cache folder, or an absolute path to it.
        num_words: How many of the most frequent words to know; ``None`` for all.
        skip_top: How many of the most frequent words to leave out.
        maxlen: Texts of this length and more are left out; ``None`` for none.
        test_split: Which share of the texts is for testing.
        seed: Of the order of the texts.
        start_char: Put before each text; ``None`` for nothing.
        oov_char: Put in place of words that are left out; ``None`` for nothing.
        index_from: Added to every word's number, so that 0, 1 and 2 have a meaning of their own.
        download: Whether a missing file may be downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: arrays of lists of integers, and int64 labels from
        0 to 45; `get_label_names` says what they mean.

    Raises:
        FileNotFoundError: It is not cached, and could not or was not to be downloaded.
        ValueError: An argument is out of its range, or the file is damaged or holds something else.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=10000)  # doctest: +SKIP
        >>> x_train.shape, x_test.shape  # doctest: +SKIP
        ((8982,), (2246,))

    Source: https://keras.io/api/datasets/reuters/
    """
    words = WordChoice(
        "reuters.load_data", num_words, skip_top, maxlen, start_char, oov_char, index_from
    )
    share("reuters.load_data", "test_split", test_split, action="Pass for example 0.2.")
    where = f"reuters.load_data({os.fspath(path)!r})"
    x, y = read_npz(find("reuters.npz", where, path=path, download=download), ("x", "y"), where)
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    texts, labels = words.short(words.marked(x[order]), y[order])
    known, train = words.known(texts), int(len(texts) * (1 - test_split))
    return (known[:train], labels[:train]), (known[train:], labels[train:])


def get_word_index(
    path: str | os.PathLike[str] = "reuters_word_index.json", *, download: bool = True
) -> dict[str, int]:
    """Loads the number of each word, before ``index_from`` is added.

    For reading a text: subtract ``index_from`` from its numbers.

    Differs from Keras: takes an absolute path, and can be told not to download.

    Args:
        path: Name of the file in the cache folder, or an absolute path to it.
        download: Whether a missing file may be downloaded.

    Raises:
        FileNotFoundError: It is not cached, and could not or was not to be downloaded.

    Example:
        >>> get_word_index()["the"]  # doctest: +SKIP
        1

    Source: https://keras.io/api/datasets/reuters/
    """
    where = f"reuters.get_word_index({os.fspath(path)!r})"
    file = find("reuters_word_index.json", where, path=path, download=download)
    index: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return index


def get_label_names() -> tuple[str, ...]:
    """Returns the names of the topics, by label.

    For tables and plots.

    Example:
        >>> get_label_names()[3], len(get_label_names())
        ('earn', 46)

    Source: https://keras.io/api/datasets/reuters/
    """
    return tuple(_LABEL_NAMES.split())
