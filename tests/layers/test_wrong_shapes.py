"""Inputs that a layer cannot take: an error that names it, the shapes and the likely mistake."""

import keras
import numpy as np
import pytest

import callbax as cb

IMAGES = np.ones((2, 8, 8, 3), "float32")
FIRST = np.ones((2, 3, 8, 8), "float32")
STEPS = np.ones((2, 7, 3), "float32")
ROWS = np.ones((2, 6), "float32")
GREY = np.ones((2, 8, 8), "float32")


def built(layer, x):
    layer(x)
    return layer


CASES = {
    "a conv after flatten": (lambda L: L.Conv2D(3, 2), ROWS, r"\(None, 6\).*Leave out a `Flatten`"),
    "grey images": (lambda L: L.Conv2D(3, 2), GREY, r"\(None, 8, 8\).*x\[\.\.\., None\]"),
    "grey images to a pool": (lambda L: L.MaxPooling2D(), GREY, r"shape \(2, 8, 8\).*x\[\.\.\., N"),
    "channels first": (
        lambda L: built(L.Conv2D(3, 2), IMAGES),
        FIRST,
        r"with 3 channels.*\(2, 3, 8, 8\).*np\.moveaxis\(x, 1, -1\)",
    ),
    "channels last": (
        lambda L: built(L.Conv2D(3, 2, data_format="channels_first"), FIRST),
        IMAGES,
        r"\(samples, channels, rows, columns\).*with 3 channels.*np\.moveaxis\(x, -1, 1\)",
    ),
    "other channels": (
        lambda L: built(L.Conv2D(3, 2), IMAGES),
        IMAGES[..., :2],
        r"with 3 channels.*\(2, 8, 8, 2\).*Give the data these channels",
    ),
    "an lstm after an lstm": (lambda L: L.LSTM(3), ROWS, r"\(None, 6\).*return_sequences=True"),
    "an lstm after a conv": (lambda L: L.LSTM(3), IMAGES, r"\(None, 8, 8, 3\).*Reshape"),
    "other steps": (lambda L: built(L.GRU(3), STEPS), STEPS[..., :2], r"with 3 channels.*7, 2"),
    "a kernel that is too long": (
        lambda L: L.Conv1D(3, 9),
        STEPS,
        r"at least \(9,\).*\(7,\).*same",
    ),
    "a spread kernel": (lambda L: L.Conv1D(3, 4, dilation_rate=3), STEPS, r"at least \(10,\)"),
    "a window that is too large": (lambda L: L.AveragePooling2D(9), IMAGES, r"at least \(9, 9\)"),
    "a batch norm of other channels": (
        lambda L: built(L.BatchNormalization(), ROWS[:, :1]),
        ROWS,
        r"built for, \(None, 1\).*\(2, 6\)",
    ),
    "a batch norm of another rank": (
        lambda L: built(L.BatchNormalization(), IMAGES),
        ROWS[:, :3],
        r"built for, \(None, None, None, 3\).*\(2, 3\)",
    ),
    "a layer norm of other inputs": (
        lambda L: built(L.LayerNormalization(), ROWS),
        ROWS[:, :1],
        r"built for, \(None, 6\).*\(2, 1\)",
    ),
    "a dense without flatten": (
        lambda L: built(L.Dense(3), ROWS),
        ROWS.reshape(2, 3, 2),
        r"last dimension is 6.*\(2, 3, 2\).*Put a `Flatten`",
    ),
    "a repeat of images": (lambda L: L.RepeatVector(2), IMAGES, "Flatten"),
    "a permutation": (
        lambda L: L.Permute((2, 1)),
        IMAGES,
        r"inputs of 3 dimensions.*\(2, 8, 8, 3\)",
    ),
    "a reshape": (lambda L: L.Reshape((4, 2)), ROWS, r"fill the shape \(4, 2\).*6 numbers"),
    "a start of another shape": (
        lambda L: lambda x: L.LSTM(3)(x, initial_state=np.ones((2, 3), "float32")),
        STEPS,
        r"2 arrays of shape \(2, 3\).*return_state",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_an_error_that_names_the_layer(case):
    make, x, words = CASES[case]
    layer = make(cb.layers)
    with pytest.raises(ValueError, match=rf"(?s){words}") as error:
        layer(x)
    assert getattr(layer, "name", "lstm") in str(error.value).split(":")[0]
    assert all(word in str(error.value) for word in (": expected ", ", received ", "\n"))


KERAS_TAKES = (
    "a window that is too large",
    "a layer norm of other inputs",
    "a start of another shape",
)
"""Where Keras returns something all the same, or raises an error of JAX's."""


@pytest.mark.parametrize("case", [case for case in CASES if case not in KERAS_TAKES])
def test_keras_refuses_it_too(case):
    make, x, _ = CASES[case]
    with pytest.raises((ValueError, TypeError)):  # its words are its own
        make(keras.layers)(x)


def test_it_is_found_when_a_model_is_made():
    model = cb.Sequential([cb.layers.Input((8, 8, 3)), cb.layers.Flatten()])
    with pytest.raises(ValueError, match=r"(?s)conv2d.*Leave out a `Flatten`"):
        model.add(cb.layers.Conv2D(3, 2))
    model.add(cb.layers.Dense(2))
    assert [type(layer).__name__ for layer in model.layers] == ["Flatten", "Dense"]


@pytest.mark.parametrize(
    "layers",
    [
        lambda L: [L.Conv1D(4, 3), L.MaxPooling1D(2), L.Conv1D(2, 2), L.GlobalMaxPooling1D()],
        lambda L: [L.Conv1D(4, 3, strides=2), L.LSTM(3)],
        lambda L: [L.ZeroPadding1D(1), L.AveragePooling1D(2), L.GRU(3)],
    ],
)
def test_lengths_may_be_open(layers):
    outputs = []
    for lib in (keras, cb):
        lib.utils.set_random_seed(1)
        model = lib.Sequential([lib.Input((None, 3)), *layers(lib.layers)])
        outputs.append([model.predict(STEPS[:, :n], verbose=0) for n in (6, 7)])
    for one, another in zip(*outputs, strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-5, atol=1e-6)


ARGUMENTS = {
    "filters": lambda L: L.Conv2D(0, 3),
    "kernel_size": lambda L: L.Conv2D(3, (2, 2, 2)),
    "strides": lambda L: L.Conv1D(3, 2, strides=0),
    "padding": lambda L: L.Conv2D(3, 2, padding="causal"),
    "data_format": lambda L: L.Conv2D(3, 2, data_format="first"),
    "dilation_rate": lambda L: L.Conv2D(3, 2, strides=2, dilation_rate=2),
    "groups": lambda L: L.Conv2D(4, 2, groups=3),
    "pool_size": lambda L: L.MaxPooling2D(0),
    "padding of a pool": lambda L: L.MaxPooling2D(2, padding="full"),
    "momentum": lambda L: L.BatchNormalization(momentum=2),
    "epsilon": lambda L: L.LayerNormalization(epsilon=-1),
    "axis": lambda L: L.LayerNormalization(axis="last"),
    "input_dim": lambda L: L.Embedding(0, 3),
    "output_dim": lambda L: L.Embedding(3, 2.5),
    "units": lambda L: L.LSTM(0),
    "dropout": lambda L: L.GRU(3, dropout=1.5),
    "target_shape": lambda L: L.Reshape((-1, -1)),
    "target_shape as a number": lambda L: L.Reshape(3),
    "dims": lambda L: L.Permute((0, 1)),
    "n": lambda L: L.RepeatVector(0),
    "padding of zeros": lambda L: L.ZeroPadding2D(((1, 1), -1)),
    "padding of zeros, three": lambda L: L.ZeroPadding2D((1, 1, 1)),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_a_wrong_argument_is_refused(case):
    with pytest.raises(
        ValueError, match=rf"(?s)\w+\(.*{case.split()[0]}=.*expected .*received .*\n"
    ):
        ARGUMENTS[case](cb.layers)


def test_embeddings_outside_the_table_are_nan():
    layer = cb.layers.Embedding(3, 2)
    found = np.isnan(np.array(layer(np.array([[-1, 0, 2, 3]])))).all(-1)
    assert found.tolist() == [[True, False, False, True]]


POSITIONS = {
    "Conv1D": (4, 3, 1, "same", "channels_last", 2, 1, "relu", False, "ones", "zeros"),
    "Conv2D": (4, 3, 1, "same", "channels_first", 1, 1, "relu", True, "ones", "zeros"),
    "MaxPooling2D": (2, 1, "same", "channels_first", "mine"),
    "AveragePooling1D": (2, 1, "same", "channels_last", "mine"),
    "GlobalAveragePooling2D": ("channels_first", True),
    "GlobalMaxPooling1D": ("channels_first", True),
    "BatchNormalization": (1, 0.5, 0.1, False, True, "zeros", "ones", "zeros", "ones"),
    "LayerNormalization": (1, 0.1, False, True, "zeros", "ones"),
    "LSTM": (3, "relu", "hard_sigmoid", True, "ones", "zeros", "ones", False),
    "GRU": (3, "relu", "hard_sigmoid", True, "ones", "zeros", "ones"),
    "Embedding": (9, 3, "ones"),
    "ZeroPadding2D": ((1, 2), "channels_first"),
}


@pytest.mark.parametrize("name", POSITIONS)
def test_arguments_by_place_are_keras_s(name):
    x = STEPS if name.endswith("1D") or name in ("LSTM", "GRU") else FIRST
    x = np.ones((2, 4), "int32") if name == "Embedding" else x
    made = [getattr(lib.layers, name)(*POSITIONS[name]) for lib in (keras, cb)]
    theirs, ours = (np.asarray(layer(x)) for layer in made)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for extra in range(1, 4):
        with pytest.raises(TypeError):
            getattr(cb.layers, name)(*POSITIONS[name], *["l2"] * extra)
