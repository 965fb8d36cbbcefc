"""IMDB: 50,000 film reviews, praise or blame."""

import json
import os
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from callbax.datasets._files import find
from callbax.datasets._npz import read_npz
from callbax.datasets._sequences import WordChoice

Part = tuple[NDArray[np.object_], Int64[NDArray[Any], " n"]]


def load_data(
    path: str | os.PathLike[str] = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    *,
    download: bool = True,
) -> tuple[Part, Part]:
    """Loads reviews of films as lists of word numbers, and whether they praise it.

    The usual first test of a classifier of texts; `callbax.utils.pad_sequences` makes the texts
    equally long. Words are numbered by how frequent they are. The file is looked for in the cache
    folder (``$CALLBAX_DATA_DIR``, else ``callbax`` in the user's cache folder), then in Keras's own
    cache, and downloaded if it is missing.

    Differs from Keras: takes an absolute path, no unknown arguments, and can be told not to
    download; texts of one length are lists in an array too.

    Args:
        path: Name of the ``.npz`` file in the cache folder, or an absolute path to it.
        num_words: How many of the most frequent words to know; ``None`` for all.
        skip_top: How many of the most frequent words to leave out.
        maxlen: Texts of this length and more are left out; ``None`` for none.
        seed: Of the order of the texts.
        start_char: Put before each text; ``None`` for nothing.
        oov_char: Put in place of words that are left out; ``None`` for nothing.
        index_from: Added to every word's number, so that 0, 1 and 2 have a meaning of their own.
        download: Whether a missing file may be downloaded.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: arrays of lists of integers, 25,000 each unless
        ``maxlen`` leaves some out, and int64 labels, 1 for praise.

    Raises:
        FileNotFoundError: It is not cached, and could not or was not to be downloaded.
        ValueError: An argument is out of its range, or the file is damaged or holds something else.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=10000)  # doctest: +SKIP
        >>> x_train.shape, x_train[0][:3]  # doctest: +SKIP
        ((25000,), [1, 14, 22])

    Source: A. Maas and others, Learning Word Vectors for Sentiment Analysis, 2011;
    https://keras.io/api/datasets/imdb/
    """
    words = WordChoice(
        "imdb.load_data", num_words, skip_top, maxlen, start_char, oov_char, index_from
    )
    where = f"imdb.load_data({os.fspath(path)!r})"
    file = find("imdb.npz", where, path=path, download=download)
    names = ("x_train", "y_train", "x_test", "y_test")
    x_train, y_train, x_test, y_test = read_npz(file, names, where)
    rng = np.random.RandomState(seed)
    halves = []
    for x, y in ((x_train, y_train), (x_test, y_test)):
        order = np.arange(len(x))
        rng.shuffle(order)
        halves.append(words.short(words.marked(x[order]), y[order]))
    (train, y_train), (test, y_test) = halves
    known = words.known(train + test)
    return (known[: len(train)], y_train), (known[len(train) :], y_test)


def get_word_index(
    path: str | os.PathLike[str] = "imdb_word_index.json", *, download: bool = True
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

    Source: https://keras.io/api/datasets/imdb/
    """
    where = f"imdb.get_word_index({os.fspath(path)!r})"
    file = find("imdb_word_index.json", where, path=path, download=download)
    index: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
    return index
