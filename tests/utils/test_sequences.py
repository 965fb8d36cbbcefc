"""utils.pad_sequences beside Keras's."""

import inspect

import keras
import numpy as np
import pytest

from callbax import utils

RNG = np.random.default_rng(0)
LISTS = {
    "numbers": [RNG.integers(0, 99, n).tolist() for n in (3, 0, 7, 1, 5)],
    "arrays": [RNG.integers(0, 99, (n, 2)) for n in (0, 4, 1, 6)],
    "one length": [[1, 2], [3, 4]],
    "empty": [[], []],
}
OPTIONS = [
    {},
    {"maxlen": 4},
    {"maxlen": 1, "value": -1},
    {"padding": "post"},
    {"truncating": "post", "maxlen": 3},
    {"padding": "post", "truncating": "post", "maxlen": 3, "dtype": "float32", "value": 0.5},
    {"dtype": "int64", "maxlen": 9},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", LISTS)
def test_it_pads_as_keras_does(kind, options):
    ours = utils.pad_sequences(LISTS[kind], **options)
    theirs = keras.utils.pad_sequences(LISTS[kind], **options)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_text():
    words = [["a"], ["b", "cc"]]
    for dtype, value in ((object, "pad"), ("<U3", "")):
        ours = utils.pad_sequences(words, dtype=dtype, value=value)
        theirs = keras.utils.pad_sequences(words, dtype=dtype, value=value)
        assert ours.tolist() == theirs.tolist()


def test_the_arguments_are_keras_s():
    for name in ("pad_sequences", "normalize", "get_file", "plot_model", "PyDataset"):
        ours, theirs = (
            [(p.name, p.default) for p in inspect.signature(getattr(lib, name)).parameters.values()]
            for lib in (utils, keras.utils)
        )
        assert ours == theirs


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: utils.pad_sequences([[0.5]]), r"numbers that fit the dtype int32"),
        (lambda: utils.pad_sequences([[2**40]]), r"numbers that fit the dtype int32"),
        (lambda: utils.pad_sequences([[1]], value=0.5), r"a value that fits the dtype int32"),
        (lambda: utils.pad_sequences([[1]], value="a"), r"a value that fits the dtype int32"),
        (lambda: utils.pad_sequences([[1], 2]), r"at position 1 2 \(int\)"),
        (lambda: utils.pad_sequences([]), r"at least one"),
        (lambda: utils.pad_sequences(5), r"a list of sequences"),
        (lambda: utils.pad_sequences([[[1, 2]], [[1]]]), r"elements of shape \(2,\)"),
        (lambda: utils.pad_sequences([[1]], maxlen=0), r"pad_sequences\(maxlen=0\)"),
        (lambda: utils.pad_sequences([[1]], padding="left"), r"pad_sequences\(padding='left'\)"),
        (lambda: utils.pad_sequences([[1]], truncating="x"), r"pad_sequences\(truncating='x'\)"),
    ],
)
def test_what_would_give_other_numbers_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
