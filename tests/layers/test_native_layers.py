"""Native layers beside Keras's: first weights, outputs, training and files."""

import keras
import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(22, 8, 8, 3)).astype("float32")
STEPS = RNG.normal(size=(22, 7, 3)).astype("float32")
ROWS = RNG.normal(size=(22, 6)).astype("float32")
TOKENS = RNG.integers(0, 9, (22, 7)).astype("int32")
Y = RNG.normal(size=(22, 1)).astype("float32")
FIT = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}


def head(L):
    return [L.Flatten(), L.Dense(1)]


KINDS = {
    "conv2d": (IMAGES, lambda L: [L.Conv2D(4, 3, activation="relu"), *head(L)]),
    "conv2d same strides": (IMAGES, lambda L: [L.Conv2D(4, (3, 2), 2, "same"), *head(L)]),
    "conv2d dilated groups": (
        IMAGES,
        lambda L: [L.Conv2D(6, 2, dilation_rate=2, groups=3, use_bias=False), *head(L)],
    ),
    "conv1d": (STEPS, lambda L: [L.Conv1D(4, 3, activation="tanh"), *head(L)]),
    "conv1d causal": (STEPS, lambda L: [L.Conv1D(4, 3, padding="causal"), *head(L)]),
    "pooling": (
        IMAGES,
        lambda L: [
            L.Conv2D(4, 3, padding="same"),
            L.MaxPooling2D(),
            L.AveragePooling2D((2, 1), strides=1, padding="same"),
            *head(L),
        ],
    ),
    "pooling 1d": (
        STEPS,
        lambda L: [L.MaxPooling1D(2, 1), L.AveragePooling1D(3, padding="same"), *head(L)],
    ),
    "global": (IMAGES, lambda L: [L.Conv2D(3, 2), L.GlobalAveragePooling2D(), L.Dense(1)]),
    "global max": (IMAGES, lambda L: [L.GlobalMaxPooling2D(keepdims=True), *head(L)]),
    "global 1d": (STEPS, lambda L: [L.Conv1D(3, 2), L.GlobalMaxPooling1D(), L.Dense(1)]),
    "global mean 1d": (STEPS, lambda L: [L.GlobalAveragePooling1D(), L.Dense(1)]),
    "batch norm": (ROWS, lambda L: [L.Dense(5), L.BatchNormalization(momentum=0.9), L.Dense(1)]),
    "batch norm of images": (IMAGES, lambda L: [L.BatchNormalization(scale=False), *head(L)]),
    "layer norm": (ROWS, lambda L: [L.LayerNormalization(center=False), L.Dense(1)]),
    "embedding": (TOKENS, lambda L: [L.Embedding(9, 4), *head(L)]),
    "lstm": (STEPS, lambda L: [L.LSTM(5, return_sequences=True), L.LSTM(4), L.Dense(1)]),
    "lstm plain": (
        STEPS,
        lambda L: [L.LSTM(4, unit_forget_bias=False, activation="relu"), L.Dense(1)],
    ),
    "gru": (STEPS, lambda L: [L.GRU(5), L.Dense(1)]),
    "gru no bias": (STEPS, lambda L: [L.GRU(5, use_bias=False), L.Dense(1)]),
    "reshape": (ROWS, lambda L: [L.Reshape((3, -1)), L.LSTM(3), L.Dense(1)]),
}


def made(library, layers, x):
    library.utils.set_random_seed(11)
    inputs = library.Input(x.shape[1:], dtype=x.dtype.name)
    return library.Sequential([inputs, *layers(library.layers)])


def both(kind):
    x, layers = KINDS[kind]
    theirs = made(keras, layers, x)
    ours = made(cb.keras, layers, x)
    assert type(ours) is cb.Sequential
    return x, theirs, ours


@pytest.mark.parametrize("kind", KINDS)
def test_first_weights_are_keras_s(kind):
    _, theirs, ours = both(kind)
    for expected, received in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(received, expected)
    assert [w.path.split("/")[-1] for w in theirs.weights] == [w.name for w in ours.weights]


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_to_keras_numbers(kind):
    x, theirs, ours = both(kind)
    histories = []
    for model in (theirs, ours):
        model.compile("adam", "mse")
        histories.append(model.fit(x, Y, validation_data=(x, Y), **FIT).history)
    for key, expected in histories[0].items():
        np.testing.assert_allclose(histories[1][key], expected, rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("kind", KINDS)
def test_files_go_both_ways(kind, tmp_path):
    x, theirs, ours = both(kind)
    theirs.set_weights([w + 0.5 for w in theirs.get_weights()])
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    expected = theirs.predict(x, verbose=0)
    np.testing.assert_allclose(ours.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-4)
    ours.save(tmp_path / "ours.keras")
    again = keras.models.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-4)


def test_a_frozen_batch_normalization_uses_its_averages():
    x, theirs, ours = both("batch norm")
    for model in (theirs, ours):
        model.layers[1].trainable = False
        model.compile("sgd", "mse")
        model.fit(x, Y, **FIT)
    for expected, received in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (lambda: cb.layers.Conv2D(3, 2), ROWS, r"(?s)conv2d.*known number of channels.*x\[..., N"),
        (lambda: cb.layers.Conv2D(3, (2, 2, 2)), IMAGES, r"(?s)kernel_size.*a whole number, or 2"),
        (lambda: cb.layers.Conv2D(4, 2, groups=3), IMAGES, "(?s)groups.*multiple"),
        (lambda: cb.layers.Conv2D(4, 2, padding="full"), IMAGES, '(?s)padding.*"valid" or "same"'),
        (lambda: cb.layers.LSTM(0), STEPS, r"(?s)LSTM\(units=0\).*expected"),
        (lambda: cb.layers.Reshape((4, 2)), ROWS, r"(?s)fill the shape \(4, 2\).*6 numbers"),
    ],
)
def test_mistakes_are_explained(layer, x, message):
    with pytest.raises(ValueError, match=message):
        layer()(x)


@pytest.mark.parametrize(
    "make",
    [
        lambda L: L.LSTM(3, dropout=0.2),
        lambda L: L.Dense(3, kernel_regularizer="l2"),
        lambda L: L.Embedding(5, 3, mask_zero=True),
        lambda L: L.Conv2D(3, 2, data_format="channels_first"),
    ],
)
def test_an_argument_that_only_keras_has_makes_keras_s_layer(make):
    assert isinstance(make(cb.layers), keras.layers.Layer)


def test_arguments_that_ask_for_nothing_are_taken():
    layer = cb.layers.Dense(3, kernel_regularizer=None, dtype="float32", bias_constraint=None)
    assert isinstance(layer, cb.layers.Dense)
    assert isinstance(cb.layers.GRU(3, reset_after=True, dropout=0.0), cb.layers.GRU)


def test_a_number_outside_the_table_is_not_the_vector_of_another():
    layer = cb.layers.Embedding(3, 2)
    assert np.isnan(np.array(layer(np.array([[7]])))).all()
