"""Native layers beside Keras's: first weights, outputs, training and files."""

import re

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
    "lstm backwards": (
        STEPS,
        lambda L: [L.LSTM(5, go_backwards=True, return_sequences=True), L.GRU(4), L.Dense(1)],
    ),
    "gru reset before": (STEPS, lambda L: [L.GRU(5, reset_after=False, unroll=True), L.Dense(1)]),
    "channels first": (
        IMAGES,
        lambda L: [
            L.Permute((3, 1, 2)),
            L.Conv2D(4, 3, data_format="channels_first", activation="relu"),
            L.BatchNormalization(axis=1, momentum=0.8),
            L.MaxPooling2D(2, data_format="channels_first"),
            *head(L),
        ],
    ),
    "a network for images": (
        IMAGES,
        lambda L: [
            L.ZeroPadding2D(1),
            L.Conv2D(6, 3, use_bias=False),
            L.BatchNormalization(momentum=0.7),
            L.Activation("relu"),
            L.AvgPool2D(2),
            L.Conv2D(4, 2),
            L.BatchNormalization(momentum=0.7, center=False),
            L.GlobalAvgPool2D(),
            L.LayerNormalization(),
            L.Dense(1),
        ],
    ),
    "repeated": (ROWS, lambda L: [L.RepeatVector(4), L.LSTM(3), L.Dense(1)]),
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


@pytest.mark.every(3)
@pytest.mark.parametrize("kind", KINDS)
def test_first_weights_are_keras_s(kind):
    _, theirs, ours = both(kind)
    for expected, received in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(received, expected)
    assert [w.path.split("/")[-1] for w in theirs.weights] == [w.name for w in ours.weights]


@pytest.mark.every(3)
@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_to_keras_numbers(kind):
    x, theirs, ours = both(kind)
    x, y = x[:16], Y[:16]  # no shorter batch: its programs would take as long as the others
    first, histories = [], []
    for lib, model in ((keras, theirs), (cb, ours)):
        model.compile(lib.optimizers.SGD(0.02, momentum=0.5), "mse")
        model.train_on_batch(x[:8], y[:8])
        first.append(model.get_weights())
        histories.append(model.fit(x, y, validation_data=(x, y), **FIT).history)
    for expected, received in zip(*first, strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-5, atol=2e-6)
    for key, expected in histories[0].items():
        np.testing.assert_allclose(histories[1][key], expected, rtol=1e-5, err_msg=key)
    for expected, received in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)
    expected, received = (each.predict(x, batch_size=8, verbose=0) for each in (theirs, ours))
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=2e-5)
    assert ours.count_params() == theirs.count_params()
    for layer, other in zip(ours.layers, theirs.layers, strict=True):
        assert layer.count_params() == other.count_params()
        assert re.sub(r"_\d+$", "", layer.name) == re.sub(r"_\d+$", "", other.name)


@pytest.mark.every(3)
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


@pytest.mark.parametrize(("kind", "place"), [("batch norm", 1), ("lstm", 0), ("conv1d", 0)])
def test_a_frozen_layer_stays(kind, place):
    x, theirs, ours = both(kind)
    before = ours.layers[place].get_weights()
    for model in (theirs, ours):
        model.layers[place].trainable = False
        model.compile("sgd", "mse")
        model.fit(x, Y, **FIT)
    for expected, received in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-5)
    for expected, received in zip(before, ours.layers[place].get_weights(), strict=True):
        np.testing.assert_array_equal(received, expected)


def test_a_layer_made_frozen_is_frozen():
    layers = [cb.layers.LSTM(3, trainable=False), cb.layers.Dense(1)]
    model = cb.Sequential([cb.layers.Input((7, 3)), *layers])
    assert len(model.trainable_weights) == 2
    before = layers[0].get_weights()
    model.compile("sgd", "mse")
    model.fit(STEPS, Y, **FIT)
    for expected, received in zip(before, layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(received, expected)


def test_hooks_see_the_averages_of_every_batch():
    x, theirs, ours = both("batch norm")
    seen = {}
    for lib, model in ((keras, theirs), (cb, ours)):

        class Look(lib.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None, seen=seen, lib=lib):
                norm = self.model.layers[1]
                seen.setdefault(lib, []).append([np.array(w) for w in norm.get_weights()[2:]])

        model.compile(lib.optimizers.SGD(0.02), "mse")
        model.fit(x, Y, callbacks=[Look()], **FIT)
    assert len(seen[cb]) == 9
    np.testing.assert_allclose(seen[cb], seen[keras], rtol=1e-5, atol=1e-6)
    assert not np.array_equal(seen[cb][0], seen[cb][1])


def test_a_recurrent_layer_drops_the_same_inputs_at_every_step():
    layer = cb.layers.LSTM(3, dropout=0.5, seed=1)
    x = np.ones((40, 6, 10), "float32")
    assert np.array_equal(layer(x), layer(x))
    assert not np.array_equal(layer(x, training=True), layer(x))
    kept = np.asarray(layer.drop(x, deterministic=False))
    assert set(np.unique(kept)) == {0.0, 2.0}
    assert (kept == kept[:, :1]).all()
    assert 0.3 < (kept == 0).mean() < 0.7


def test_states_may_be_taken_from_one_layer_to_another():
    outputs = []
    for lib in (keras, cb):
        lib.utils.set_random_seed(2)
        first, second = lib.layers.LSTM(4, return_state=True), lib.layers.LSTM(4)
        _, *states = first(STEPS)
        outputs.append(np.asarray(second(STEPS, initial_state=states)))
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda L: L.LSTM(3, recurrent_dropout=0.2),
        lambda L: L.GRU(3, stateful=True),
        lambda L: L.Dense(3, kernel_regularizer="l2"),
        lambda L: L.Embedding(5, 3, mask_zero=True),
        lambda L: L.BatchNormalization(beta_constraint="non_neg"),
    ],
)
def test_an_argument_that_only_keras_has_makes_keras_s_layer(make):
    assert isinstance(make(cb.layers), keras.layers.Layer)


def test_arguments_that_ask_for_nothing_are_taken():
    layer = cb.layers.Dense(3, kernel_regularizer=None, dtype="float32", bias_constraint=None)
    assert isinstance(layer, cb.layers.Dense)
    assert isinstance(cb.layers.GRU(3, reset_after=True, dropout=0.0), cb.layers.GRU)
