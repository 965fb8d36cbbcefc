"""Files of Keras models that callbax trains hold all that Keras's own would hold."""

import keras
import numpy as np
import optax
import pytest

import callbax as cb

rng = np.random.default_rng(0)
X = rng.normal(size=(32, 3)).astype("float32")
Y = X.sum(1, keepdims=True)
FIT = {"batch_size": 8, "shuffle": False, "verbose": 0}
SCHEDULE = cb.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
OPTIMIZERS = {
    "a name": lambda: "adam",
    "momentum": lambda: cb.optimizers.SGD(0.02, momentum=0.9),
    "a schedule": lambda: cb.optimizers.Adam(SCHEDULE, amsgrad=True),
    "averages": lambda: cb.optimizers.RMSprop(0.01, use_ema=True),
    "Keras's": lambda: keras.optimizers.Adam(0.02),
}
READERS = {"callbax": cb.saving.load_model, "Keras": keras.saving.load_model}


def made(optimizer):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(4, activation="tanh")(inputs)
    model = cb.Model(keras.Model(inputs, keras.layers.Dense(1)(hidden)))
    model.compile(optimizer, "mse", metrics=["mae"], weighted_metrics=["mse"])
    return model


def close(one, other):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_allclose(one[key], other[key], rtol=1e-5, err_msg=key)


@pytest.mark.parametrize("load", READERS.values(), ids=READERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_model_that_was_saved_goes_on_where_it_stood(optimizer, load, tmp_path):
    model, path = made(optimizer()), tmp_path / "model.keras"
    model.fit(X, Y, epochs=2, **FIT)
    model.save(path)
    expected = model.fit(X, Y, epochs=2, **FIT).history
    close(load(path).fit(X, Y, epochs=2, **FIT).history, expected)


@pytest.mark.parametrize("load", READERS.values(), ids=READERS)
def test_layers_of_both_libraries_in_a_row(load, tmp_path):
    """A regularizer makes a layer Keras's; the names of the others do not run into its own."""
    pairs = []
    for lib in (keras, cb):
        lib.utils.set_random_seed(1)
        lib.backend.clear_session()
        rows = [lib.Input((3,)), *(lib.layers.Dense(2, kernel_regularizer=r) for r in (None, "l2"))]
        model = lib.Sequential([*rows, lib.layers.Dense(1)])
        model.compile("adam", "mse")
        pairs.append((model.fit(X, Y, **FIT).history, [layer.name for layer in model.layers]))
    close(pairs[1][0], pairs[0][0])
    assert pairs[1][1] == pairs[0][1]
    model.save(tmp_path / "model.keras")
    again = load(tmp_path / "model.keras").fit(X, Y, **FIT).history
    close(again, model.fit(X, Y, **FIT).history)


@pytest.mark.parametrize("load", READERS.values(), ids=READERS)
def test_one_that_was_saved_in_a_hook_is_as_of_the_batch(load, tmp_path):
    path, weights = tmp_path / "model.keras", []

    class Saving(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.save(path)
                weights.extend(self.model.get_weights())

    model = made("adam")
    model.fit(X, Y, callbacks=[Saving()], **FIT)
    found = load(path)
    assert int(found.optimizer.iterations) == 2
    for left, right in zip(found.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_room_of_files_takes_such_models_too(tmp_path):
    model = made("adam")
    model.fit(X, Y, **FIT)
    cb.saving.save_model(model, tmp_path / "model.keras")
    assert cb.saving.load_model(tmp_path / "model.keras").optimizer.iterations == 4
    before = model.get_weights()
    cb.saving.save_weights(model, tmp_path / "kept.weights.h5")
    model.fit(X, Y, **FIT)
    cb.saving.load_weights(model, tmp_path / "kept.weights.h5")
    for left, right in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("compile", [True, False])
def test_what_keras_compiled_with_what_callbax_lacks_is_compiled_by_keras(compile, tmp_path):
    model, path = made(keras.optimizers.Lamb(0.02)), tmp_path / "model.keras"
    model.fit(X, Y, **FIT)
    model.save(path)
    found = cb.saving.load_model(path, compile=compile)
    np.testing.assert_array_equal(found.get_weights()[0], model.get_weights()[0])
    assert found.compiled == compile
    if compile:
        close(found.fit(X, Y, **FIT).history, model.fit(X, Y, **FIT).history)


def test_layers_of_half_precision_are_keras_s(tmp_path):
    path = tmp_path / "model.keras"
    rows = [keras.Input((3,)), keras.layers.Dense(1, dtype="mixed_float16")]
    keras.Sequential(rows).save(path)
    assert cb.saving.load_model(path).layers[0].compute_dtype == "float16"


def test_damage_in_such_a_file_is_found(tmp_path):
    model, path = made("adam"), tmp_path / "model.keras"
    model.fit(X, Y, **FIT)
    model.save(path)
    kernel = np.asarray(model.get_weights()[0]).tobytes()
    whole = path.read_bytes()
    assert kernel in whole
    damaged = bytes([kernel[0] ^ 1]) + kernel[1:]
    path.write_bytes(whole.replace(kernel, damaged))
    with pytest.raises(OSError, match="damaged"):
        cb.saving.load_model(path)


@pytest.mark.parametrize("optimizer", [optax.adam(0.1), "adam"])
def test_what_a_file_cannot_hold_is_told(optimizer, tmp_path):
    model = made(optimizer)
    model.fit(X, Y, **FIT)
    name = "model.keras" if optimizer != "adam" else "model.h5"
    with pytest.warns(UserWarning, match="does not say what the model is compiled with"):
        model.save(tmp_path / name)


def test_a_file_that_may_not_be_replaced_stays(tmp_path):
    model, path = made("adam"), tmp_path / "model.keras"
    path.write_text("mine")
    with pytest.raises(OSError, match="expected"):
        model.save(path, overwrite=False)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("optimizer", ["adam", "Keras's"])
def test_the_first_process_alone_writes(optimizer, tmp_path, monkeypatch):
    model = made(OPTIMIZERS["Keras's"]() if optimizer == "Keras's" else optimizer)
    monkeypatch.setattr(type(model), "is_lead", False)
    model.save(tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_an_optimizer_that_is_assigned_counts():
    model = made("adam")
    model.fit(X, Y, **FIT)
    model.optimizer = cb.optimizers.SGD(0.0)
    before = model.get_weights()
    model.fit(X, Y, **FIT)
    for left, right in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right)
    model.optimizer = keras.optimizers.SGD(0.1)
    model.fit(X, Y, **FIT)
    assert int(model.optimizer.iterations) == 4
    with pytest.raises(TypeError, match="expected an optimizer of Keras's"):
        model.optimizer = "sgd"
    assert int(model.optimizer.iterations) == 4


@pytest.mark.parametrize("again", ["from_config", "clone_model"])
@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_model_is_made_again_of_what_it_is_made_of(kind, again):
    model = made("adam")
    if kind == "sequential":
        model = cb.Model(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))
    if again == "from_config":
        other = type(model).from_config(model.get_config())
    else:
        other = cb.keras.models.clone_model(model)
    pairs = list(zip(model.get_weights(), other.get_weights(), strict=True))
    assert all(left.shape == right.shape for left, right in pairs)
    assert any((left != right).any() for left, right in pairs), "its weights are its own"
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
