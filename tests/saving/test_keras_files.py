"""Files that Keras reads and callbax writes, and the other way round."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from flax import nnx

import callbax

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
IMAGES = RNG.normal(size=(12, 3, 2, 2)).astype("float32")
Y = np.arange(12) % 3
FIT = {"batch_size": 4, "shuffle": False, "verbose": 0}


def scaled_tanh(x):
    return 0.5 * x


def squared(y_true, y_pred):
    return (y_true - y_pred) ** 2


MODELS = {
    "dense": (lambda k: [k.layers.Dense(3, name="only")], X),
    "two of a kind": (lambda k: [k.layers.Dense(5, activation="relu"), k.layers.Dense(3)], X),
    "input": (lambda k: [k.Input((4,)), k.layers.Dense(3, use_bias=False)], X),
    "initializers": (
        lambda k: [
            k.layers.Dense(
                3,
                kernel_initializer=k.initializers.HeNormal(seed=3),
                bias_initializer=k.initializers.Constant(0.5),
            )
        ],
        X,
    ),
    "all layers": (
        lambda k: [
            k.layers.Flatten(),
            k.layers.Dropout(0.5, seed=1),
            k.layers.Dense(3, activation="swish"),
            k.layers.Activation("softmax"),
        ],
        IMAGES,
    ),
    "channels first": (
        lambda k: [k.layers.Flatten(data_format="channels_first"), k.layers.Dense(3)],
        IMAGES,
    ),
    "frozen": (lambda k: [k.layers.Dense(4, trainable=False), k.layers.Dense(3)], X),
    "images": (
        lambda k: [
            k.layers.Conv2D(4, 2, padding="same", activation="relu"),
            k.layers.BatchNormalization(),
            k.layers.MaxPooling2D((2, 1)),
            k.layers.ZeroPadding2D(1),
            k.layers.AveragePooling2D(2, data_format="channels_first"),
            k.layers.GlobalAveragePooling2D(keepdims=True),
            k.layers.Reshape((-1, 2)),
            k.layers.LayerNormalization(axis=[1, 2]),
        ],
        IMAGES,
    ),
    "sequences": (
        lambda k: [
            k.layers.RepeatVector(6),
            k.layers.Conv1D(3, 2, padding="causal", bias_initializer="random_normal"),
            k.layers.MaxPooling1D(2),
            k.layers.LSTM(3, return_sequences=True, dropout=0.5),
            k.layers.GRU(3, go_backwards=True, reset_after=False, trainable=False),
        ],
        X,
    ),
    "numbers": (lambda k: [k.layers.Embedding(5, 3), k.layers.Flatten()], np.abs(X) // 1),
    "open dimension": (lambda k: [k.Input((None, 2, 2)), k.layers.Dense(3)], IMAGES),
}
PAIRS = {"from Keras": (keras, callbax), "to Keras": (callbax, keras)}


def build(room, layers, x):
    model = room.Sequential(layers(room))
    model(x[:1])
    return model


@pytest.mark.every(3)
@pytest.mark.parametrize("direction", PAIRS)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_predicts_the_same_on_the_other_side(name, direction, tmp_path):
    (writer, reader), (layers, x) = PAIRS[direction], MODELS[name]
    model = build(writer, layers, x)
    expected = np.asarray(model(x))
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(loaded(x)), expected, atol=1e-6)
    assert [type(a).__name__ for a in loaded.layers] == [type(a).__name__ for a in model.layers]
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert loaded.name == model.name

    model.save_weights(tmp_path / "only.weights.h5")
    other = build(reader, layers, x)
    other.load_weights(tmp_path / "only.weights.h5")
    np.testing.assert_allclose(np.asarray(other(x)), expected, atol=1e-6)
    third = build(reader, layers, x)
    third.load_weights(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(third(x)), expected, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_the_layout_is_that_of_keras(name, tmp_path):
    layers, x = MODELS[name]
    found = {}
    for room in (keras, callbax):
        path = tmp_path / f"{room.__name__}.weights.h5"
        build(room, layers, x).save_weights(path)
        with h5py.File(path) as file:
            keys = {}
            file.visititems(
                lambda key, item, keys=keys: keys.update({key: getattr(item, "shape", ())})
            )
            found[room] = keys
    assert found[callbax] == found[keras]


def test_an_archive_has_the_members_of_keras(tmp_path):
    model = build(callbax, *MODELS["dense"])
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        config = json.loads(archive.read("config.json"))
    assert (config["module"], config["class_name"]) == ("keras", "Sequential")
    assert config["build_config"] == {"input_shape": [None, 4]}


OPTIMIZERS = {
    "adam": lambda o: o.Adam(0.05),
    "amsgrad": lambda o: o.Adam(0.05, amsgrad=True, clipnorm=1.0),
    "momentum": lambda o: o.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop, all slots": lambda o: o.RMSprop(0.01, momentum=0.9, centered=True),
    "adamw": lambda o: o.AdamW(0.05, amsgrad=True),
    "nadam": lambda o: o.Nadam(0.05),
    "nadam, accumulation": lambda o: o.Nadam(0.05, gradient_accumulation_steps=2),
    "adagrad": lambda o: o.Adagrad(0.05),
    "adadelta": lambda o: o.Adadelta(1.0),
    "lion": lambda o: o.Lion(0.01),
    "schedule": lambda o: o.Adam(o.schedules.ExponentialDecay(0.1, 2, 0.5)),
    "accumulation": lambda o: o.Adam(0.05, gradient_accumulation_steps=2),
}


def compiled(room, optimizer):
    layers = [
        room.layers.Dense(5, activation="relu"),
        room.layers.Dense(4, trainable=False),
        room.layers.Dense(3, activation="softmax"),
    ]
    model = room.Sequential(layers)
    model.compile(
        optimizer(room.optimizers),
        room.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", room.metrics.SparseTopKCategoricalAccuracy(2, name="top2")],
    )
    model.build((None, 4))
    return model


@pytest.mark.every(3)
@pytest.mark.parametrize("direction", PAIRS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_as_if_nothing_had_happened(name, direction, tmp_path):
    writer, reader = PAIRS[direction]
    model = compiled(writer, OPTIMIZERS[name])
    model.fit(X, Y, **FIT)
    if name != "schedule":
        model.optimizer.learning_rate = 0.02
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "run.weights.h5")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations)
    if reader is callbax:  # Keras fills only the variables of an optimizer that has trained
        fresh = compiled(callbax, OPTIMIZERS[name])
        fresh.load_weights(tmp_path / "run.weights.h5")
        expected = loaded.file_contents().arrays()
        for key, array in fresh.file_contents().arrays().items():
            np.testing.assert_array_equal(array, expected[key], err_msg=key)
    expected = model.fit(X, Y, **FIT).history
    history = loaded.fit(X, Y, **FIT).history
    assert history.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(history[key], values, rtol=1e-5, err_msg=key)
    for one, another in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, atol=2e-5)
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations)


def test_averages_of_weights_come_along(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True), "mse")
    model.fit(X, X[:, :3], **FIT)
    model.save_weights(tmp_path / "run.weights.h5")
    ours = callbax.Sequential([callbax.Input((4,)), callbax.layers.Dense(3)])
    ours.compile(callbax.optimizers.SGD(0.1, use_ema=True), "mse")
    ours.load_weights(tmp_path / "run.weights.h5")
    with h5py.File(tmp_path / "run.weights.h5") as file:
        theirs = [np.array(file[f"optimizer/vars/{i}"]) for i in (2, 3)]
    averages = callbax.optimizers.ema_of(ours._engine.read().optimizer)
    np.testing.assert_array_equal(averages["layers/0/linear/kernel"], theirs[0])
    np.testing.assert_array_equal(averages["layers/0/linear/bias"], theirs[1])


def test_a_file_from_before_the_first_step_starts_the_optimizer_afresh(tmp_path):
    untrained = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    untrained.compile(keras.optimizers.Adam(0.3), "mse")
    untrained.save_weights(tmp_path / "run.weights.h5")
    ours = callbax.Sequential([callbax.Input((4,)), callbax.layers.Dense(3)])
    ours.compile("adam", "mse")
    ours.fit(X, X[:, :3], **FIT)
    ours.load_weights(tmp_path / "run.weights.h5")
    assert ours.optimizer.iterations == 0
    assert float(ours.optimizer.learning_rate) == np.float32(0.3)
    for model in (untrained, ours):
        model.fit(X, X[:, :3], epochs=2, **FIT)
    for one, another in zip(ours.get_weights(), untrained.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, atol=2e-5)


@pytest.mark.parametrize("direction", PAIRS)
def test_users_functions_travel_by_name(direction, tmp_path):
    writer, reader = PAIRS[direction]
    model = writer.Sequential([writer.layers.Dense(3, activation=scaled_tanh)])
    model.compile("sgd", squared, metrics=[squared, "mse"])
    model.build((None, 4))
    model.save(tmp_path / "model.keras")
    names = {"scaled_tanh": scaled_tanh, "squared": squared}
    loaded = reader.saving.load_model(tmp_path / "model.keras", custom_objects=names)
    np.testing.assert_allclose(np.asarray(loaded(X)), np.asarray(model(X)), atol=1e-6)
    expected = model.evaluate(X, X[:, :3], verbose=0, return_dict=True)
    values = loaded.evaluate(X, X[:, :3], verbose=0, return_dict=True)
    assert values == pytest.approx(expected, rel=1e-5)


def mixer(room, make_list, build):
    """A layer of one's own, with weights and layers in it, written once for both sides."""

    @room.saving.register_keras_serializable("saving_tests")
    class Mixer(room.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.last = room.layers.Dense(units)
            self.blocks = make_list([room.layers.Dense(5), room.layers.Dense(4)])

        def build(self, input_shape):
            self.shift = self.add_weight(shape=(1,), trainable=False)
            self.scale = self.add_weight(shape=(4,), initializer="ones")
            for layer, inputs in ((self.blocks[0], 4), (self.blocks[1], 5), (self.last, 4)):
                build(layer, (None, inputs))

        def call(self, inputs):
            return self.last(self.blocks[1](self.blocks[0](inputs * self.scale + self.shift)))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Mixer


MIXERS = {
    keras: mixer(keras, list, lambda layer, shape: layer.build(shape)),
    callbax: mixer(callbax, nnx.List, lambda layer, shape: layer.ensure_built(shape)),
}


@pytest.mark.parametrize("direction", PAIRS)
def test_a_registered_layer_with_layers_in_it_travels(direction, tmp_path):
    writer, reader = PAIRS[direction]
    model = writer.Sequential([MIXERS[writer](3), writer.layers.Dense(2)])
    model.build((None, 4))
    new = [RNG.normal(size=np.shape(weight)).astype("float32") for weight in model.get_weights()]
    model.set_weights(new)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(loaded(X)), np.asarray(model(X)), atol=1e-5)


@pytest.mark.parametrize("direction", PAIRS)
def test_an_archive_can_be_loaded_without_compiling(direction, tmp_path):
    writer, reader = PAIRS[direction]
    model = compiled(writer, OPTIMIZERS["adam"])
    model.fit(X, Y, **FIT)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras", compile=False)
    assert getattr(loaded, "optimizer", None) is None
    np.testing.assert_allclose(np.asarray(loaded(X)), np.asarray(model(X)), atol=1e-6)


def test_bfloat16_weights_travel(tmp_path):
    linear = nnx.Linear(4, 3, param_dtype="bfloat16", rngs=nnx.Rngs(0))
    model = callbax.Sequential([linear])
    model.build((None, 4))
    before = model.get_weights()
    for name in ("a.weights.h5", "a.safetensors"):
        model.save_weights(tmp_path / name)
        model.set_weights([np.zeros_like(weight) for weight in before])
        model.load_weights(tmp_path / name)
        for one, another in zip(model.get_weights(), before, strict=True):
            assert one.dtype == another.dtype
            np.testing.assert_array_equal(one, another)
