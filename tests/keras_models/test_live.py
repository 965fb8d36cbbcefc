"""The user's own Keras model is live: in hooks, between runs, for reads and writes."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers
from tests.keras_models.kinds import floats

import callbax as cb

X, Y = floats(4), floats(1)
FIT = {"batch_size": 4, "verbose": 0, "shuffle": False}


class Encoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder, self.head = layers.Dense(3), layers.Dense(1)
        self.strength = 0.5

    def call(self, x):
        return self.head(self.encoder(x))


@pytest.fixture
def model():
    keras.utils.set_random_seed(5)
    inner = Encoder()
    inner.compile(keras.optimizers.Adam(0.01), "mse")
    return cb.Model(inner)


def on_batch(number, act):
    def hook(batch, logs):
        if batch == number:
            act()

    return cb.callbacks.LambdaCallback(on_train_batch_end=hook)


def test_the_model_is_what_the_user_made(model):
    assert model.encoder is model.module.encoder
    assert model.layers == model.module.layers
    assert model.strength == 0.5
    model.strength = 0.7
    assert model.module.strength == 0.7
    with pytest.raises(AttributeError, match="nonsense"):
        _ = model.nonsense


def test_a_kept_variable_shows_every_batch(model):
    seen = []
    model.fit(X, Y, **FIT)
    kernel, step = model.encoder.kernel, model.optimizer.iterations
    model.fit(
        X,
        Y,
        callbacks=[
            cb.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: seen.append((kernel.numpy(), int(step)))
            )
        ],
        **FIT,
    )
    assert [step for _, step in seen] == list(range(12, 23))
    assert all(np.any(a[0] != b[0]) for a, b in pairwise(seen))
    np.testing.assert_array_equal(seen[-1][0], kernel.numpy())


def test_the_optimizer_ends_where_the_run_ends(model):
    model.fit(X, Y, epochs=2, **FIT)
    assert int(model.module.optimizer.iterations) == 22
    assert any(np.any(v.numpy()) for v in model.optimizer.variables[2:])


def test_an_assigned_rate_counts_from_the_next_step(model):
    model.fit(X, Y, **FIT)
    frozen = []

    def stop():
        model.module.optimizer.learning_rate = 0.0
        frozen.append(model.get_weights())

    model.fit(X, Y, callbacks=[on_batch(4, stop)], **FIT)
    for before, after in zip(frozen[0], model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert float(model.module.optimizer.learning_rate) == 0.0


def test_keras_stops_it(model):
    def stop():
        model.module.stop_training = True

    history = model.fit(X, Y, epochs=5, callbacks=[on_batch(2, stop)], **FIT)
    assert len(history.history["loss"]) == 1


def test_compiling_the_users_model_again_counts(model):
    model.fit(X, Y, **FIT)
    before = model.get_weights()
    model.module.compile(keras.optimizers.SGD(0.0), "mae")
    model.fit(X, Y, **FIT)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert type(model.optimizer).__name__ == "SGD"


def test_metrics_compiled_again_are_the_new_ones(model):
    for metric in ("mse", "mae"):
        model.module.compile("sgd", "mse", metrics=[metric])
        assert set(model.fit(X, Y, validation_data=(X, Y), **FIT).history) == {
            "loss",
            metric,
            "val_loss",
            f"val_{metric}",
        }
        assert set(model.evaluate(X, Y, verbose=0, return_dict=True)) == {"loss", metric}


def test_freezing_between_runs_counts(model):
    model.fit(X, Y, **FIT)
    model.encoder.trainable = False
    model.module.compile("sgd", "mse")
    before = [v.numpy() for v in (*model.encoder.weights, *model.head.weights)]
    model.fit(X, Y, **FIT)
    after = [v.numpy() for v in (*model.encoder.weights, *model.head.weights)]
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [
        True,
        True,
        False,
        False,
    ]


def test_the_batchs_own_loss(model):
    seen = []
    weights = []

    class Watch(cb.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            weights.append(self.model.get_weights())

        def on_train_batch_end(self, batch, logs=None):
            seen.append(self.model.batch_loss)

    model.fit(X, Y, callbacks=[Watch()], **FIT)
    for number, (loss, arrays) in enumerate(zip(seen, weights, strict=True)):
        model.set_weights(arrays)
        rows = slice(4 * number, 4 * number + 4)
        expected = np.mean((model.predict(X[rows], verbose=0) - Y[rows]) ** 2)
        assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_keras_saves_the_batch(model, tmp_path, name):
    model.fit(X, Y, **FIT)
    path, at = tmp_path / name, []

    def save():
        at.append(model.get_weights())
        (model.save if name.endswith(".keras") else model.save_weights)(path)

    model.fit(X, Y, callbacks=[on_batch(3, save)], **FIT)
    again = Encoder()
    again(X[:1])  # makes its weights
    again.load_weights(path)
    for saved, expected in zip(again.get_weights(), at[0], strict=True):
        np.testing.assert_array_equal(saved, expected)


def test_keras_callbacks_work(model, tmp_path):
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", save_weights_only=True),
        keras.callbacks.EarlyStopping("loss", patience=0, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("loss", patience=1),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        keras.callbacks.BackupAndRestore(tmp_path / "backup"),
    ]
    history = model.fit(X, Y, epochs=3, callbacks=callbacks, **FIT)
    assert len(history.history["loss"]) == 3
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01 / 8)
    assert (tmp_path / "best.weights.h5").exists()


@pytest.mark.parametrize("labels", [[0, 1, 3], [-1, 0, 2]])
@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        keras.losses.sparse_categorical_crossentropy,
    ],
)
def test_labels_outside_the_classes_are_an_error(labels, loss):
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, "softmax")])
    inner.compile("sgd", loss)
    with pytest.raises(ValueError, match=r"(?s)class numbers in \[0, 3\).*count classes from 0"):
        cb.Model(inner).fit(X[:3], np.array(labels), verbose=0)
    cb.Model(inner).fit(X[:3], np.array([0, 1, 2]), verbose=0)


def test_missing_targets_are_an_error(model):
    with pytest.raises(ValueError, match=r"(?s)`fit\(y=...\)`: expected the targets"):
        model.fit(X, verbose=0)


def test_a_call_that_asks_for_values_is_explained():
    class Asking(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x) if float(x.sum()) > 0 else x

    inner = Asking()
    inner.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match=r"(?s)symbolic inputs.*without asking for values"):
        cb.Model(inner).fit(X, Y, verbose=0)


def test_layers_of_a_model_of_another_kind_are_refused():
    with pytest.raises(TypeError, match=r"(?s)`Model\(module\)`: expected .*received .*Dense"):
        cb.Model(layers.Dense(1))


def test_messages_go_where_keras_sends_its_own(model, caplog, capsys):
    keras.config.disable_interactive_logging()
    try:
        with caplog.at_level("INFO", logger="absl"):
            scheduler = cb.callbacks.LearningRateScheduler(lambda epoch: 0.25, verbose=1)
            model.fit(X, Y, callbacks=[scheduler], **FIT)
    finally:
        keras.config.enable_interactive_logging()
    assert "setting learning rate to 0.25" in caplog.text
    assert capsys.readouterr().out == ""


def test_variables_stay_live_after_the_first_validation(model):
    seen = []

    class Look(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(np.sum(model.encoder.kernel.numpy())))

        def on_epoch_end(self, epoch, logs=None):
            seen.append(int(model.optimizer.iterations))

    model.fit(X, Y, validation_data=(X, Y), epochs=2, callbacks=[Look()], **FIT)
    assert seen[11] == 11
    assert seen[-1] == 22
    assert len(set(seen)) == len(seen)
