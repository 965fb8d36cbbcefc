"""Runs of whole models: what Keras does, and what a JAX user brings."""

import keras
import numpy as np
import optax
import pandas as pd
import pytest
from flax import nnx

import callbax as cb
from callbax._training import _engine
from callbax.callbacks._model_view import ModelView

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype("float32")
Y = RNG.normal(size=(20, 1)).astype("float32")


def dense(lib, **optimizer):
    lib.utils.set_random_seed(1)
    model = lib.Sequential([lib.layers.Input((4,)), lib.layers.Dense(1)])
    model.compile(lib.optimizers.SGD(0.05, momentum=0.9, **optimizer), "mse")
    return model


def test_averaged_weights_are_those_of_keras_when_training_ends():
    models = [dense(lib, use_ema=True, ema_momentum=0.8) for lib in (keras, cb)]
    for model in models:
        model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    expected, received = (model.get_weights() for model in models)
    for old, new in zip(expected, received, strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seeded_by", ["argument", "set_random_seed"])
def test_a_seed_makes_a_run_reproducible_to_the_bit(seeded_by):
    def run():
        if seeded_by == "set_random_seed":
            cb.utils.set_random_seed(3)
        model = cb.Sequential(
            [cb.layers.Dense(8, "relu"), cb.layers.Dropout(0.5), cb.layers.Dense(1)],
            seed=3 if seeded_by == "argument" else None,
        )
        model.compile("adam", "mse")
        history = model.fit(X, Y, batch_size=8, epochs=3, verbose=0)
        return [w.tobytes() for w in model.get_weights()], history.history

    assert run() == run()


def test_epochs_are_shuffled_differently():
    model = cb.Sequential([cb.layers.Dense(1)], seed=0)
    model.compile(cb.optimizers.SGD(0.0), "mse")
    first = []

    class FirstLoss(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 0:
                first.append(logs["loss"])

    model.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=FirstLoss())
    model.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=FirstLoss())
    assert len(set(first)) == 10


class TwoInputs(nnx.Module):
    def __init__(self):
        self.left, self.right = (nnx.Linear(4, 3, rngs=nnx.Rngs(i)) for i in range(2))

    def __call__(self, left, right):
        return {"sum": self.left(left) + self.right(right), "left": self.left(left)}


@pytest.mark.parametrize(
    "x", [(X, X), [X, X], {"left": X, "right": X}], ids=["tuple", "list", "dict"]
)
def test_several_inputs_and_outputs(x):
    model = cb.Model(TwoInputs(), seed=0)
    y = {"sum": np.ones((20, 3), "float32"), "left": np.zeros((20, 3), "float32")}
    model.compile(
        optax.sgd(0.01),
        loss={"sum": "mse", "left": "mae"},
        loss_weights={"sum": 1.0, "left": 0.5},
        metrics={"sum": ["mae"]},
    )
    history = model.fit(x, y, epochs=2, verbose=0)
    assert list(history.history) == ["left_loss", "loss", "sum_loss", "sum_mae"]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["sum_loss"] + 0.5 * logs["left_loss"], rel=1e-5)
    outputs = model.predict(x, batch_size=8, verbose=0)
    assert {name: value.shape for name, value in outputs.items()} == {
        "left": (20, 3),
        "sum": (20, 3),
    }


def test_functions_and_optax_are_taken_as_they_are():
    def cubed_error(y_true, y_pred):
        return abs(y_true - y_pred) ** 3

    model = cb.Model(nnx.Linear(4, 1, rngs=nnx.Rngs(0)))
    model.compile(optax.adamw(0.01), cubed_error, metrics=[cubed_error])
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert history.history["cubed_error"] == pytest.approx(history.history["loss"])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X.tolist(), Y.tolist()),
        (pd.DataFrame(X), pd.Series(Y[:, 0])),
        (pd.DataFrame(X), pd.DataFrame(Y)),
        (X.astype("float64"), Y.astype("float64")),
        ([(X, Y)], None),
        (iter([(X, Y)]), None),
    ],
    ids=["lists", "frame and series", "frames", "float64", "list of batches", "iterator"],
)
def test_kinds_of_data_give_the_same_numbers(x, y):
    def run(x, y):
        model = dense(cb)
        model.fit(x, y, batch_size=20 if y is not None else None, shuffle=False, verbose=0)
        return model.get_weights()

    for expected, received in zip(run(X, Y), run(x, y), strict=True):
        np.testing.assert_array_equal(expected, received)


def test_evaluating_in_a_hook_leaves_the_training_metrics_alone():
    class Evaluates(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X, Y, verbose=0)

    losses = [
        dense(cb).fit(X, Y, batch_size=8, shuffle=False, verbose=0, callbacks=callbacks).history
        for callbacks in (None, [Evaluates()])
    ]
    assert losses[0] == losses[1]


def test_weights_set_during_validation_count():
    class SetsOnes(cb.callbacks.Callback):
        def on_test_begin(self, logs=None):
            self.model.set_weights([np.ones((4, 1)), np.ones(1)])

    model = dense(cb)
    model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=SetsOnes())
    assert all((weight == 1).all() for weight in model.get_weights())


def test_the_live_module_is_as_of_the_batch_and_its_changes_count():
    seen = []

    class Looks(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            kernel = self.model.module.layers[0].linear.kernel
            seen.append(bool((np.asarray(kernel[...]) == self.model.get_weights()[0]).all()))
            kernel[...] = kernel[...] * 0.0

    model = dense(cb)
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=Looks())
    assert seen == [True] * 10
    assert (model.get_weights()[0] == 0).all()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_a_hook_names_its_place_and_leaves_a_usable_model(error):
    class Fails(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1 and self.model.optimizer.iterations == 7:
                raise error("as planned")

        def on_train_end(self, logs=None):
            raise AssertionError("never called after an exception")

    model = dense(cb)
    with pytest.raises(error) as caught:
        model.fit(X, Y, batch_size=4, epochs=5, verbose=0, callbacks=[Fails()])
    note = caught.value.__notes__[0]
    assert all(word in note for word in ("Fails.on_train_batch_end", "epoch=1", "batch=1")), note
    assert model.history.epoch == [0]
    assert model.optimizer.iterations == 7
    model.fit(X, Y, verbose=0)


def test_generator_spellings_warn_and_work():
    def batches():
        while True:
            yield X, Y

    model = dense(cb)
    with pytest.warns(DeprecationWarning, match="`fit` takes generators"):
        history = model.fit_generator(batches(), 3, 2, verbose=0, workers=4)
    assert history.epoch == [0, 1]
    with pytest.warns(DeprecationWarning, match="`evaluate` takes generators"):
        loss = model.evaluate_generator(batches(), steps=2, verbose=0)
    assert loss == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)
    with pytest.warns(DeprecationWarning, match="`predict` takes generators"):
        assert model.predict_generator(batches(), steps=2, verbose=0).shape == (40, 1)


def test_a_callback_alone_and_nested_lists():
    class Counts(cb.callbacks.Callback):
        calls = 0

        def on_epoch_end(self, epoch, logs=None):
            self.calls += 1

    one, nested = Counts(), Counts()
    dense(cb).fit(X, Y, verbose=0, callbacks=one)
    dense(cb).fit(X, Y, verbose=0, callbacks=[[nested, []]])
    assert (one.calls, nested.calls) == (1, 1)


def test_summary_counts_what_keras_counts():
    lines = []
    model = cb.Sequential([cb.layers.Dense(8, input_shape=(4,), name="a"), cb.layers.Dense(1)])
    model.summary(print_fn=lines.append)
    text = "".join(lines)
    reference = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(1)]
    )
    assert f"Total params: {reference.count_params()}" in text
    assert "a (Dense)" in text
    assert "(None, 8)" in text
    assert model.count_params() == reference.count_params()
    assert model.get_layer("a") is model.layers[0] is model.get_layer(index=0)
    with pytest.raises(ValueError, match="summary"):
        model.get_layer("b")


def test_a_model_is_what_callbacks_are_promised():
    assert isinstance(dense(cb), ModelView)


def test_a_large_state_is_overwritten_step_by_step_with_the_same_result(monkeypatch):
    class Reads(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                self.weights = self.model.get_weights()

    def run():
        model, reader = dense(cb), Reads()
        model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=reader)
        return [weight.tobytes() for weight in (*reader.weights, *model.get_weights())]

    expected = run()
    monkeypatch.setattr(_engine, "LARGE_STATE", 0.0)
    assert run() == expected


def test_variables_go_by_the_paths_of_keras():
    def paths(tree, path=""):
        if not isinstance(tree, dict):
            return {path}
        return {p for name, part in tree.items() for p in paths(part, f"{path}/{name}")}

    def make(lib):
        layers = [lib.layers.Dense(2, name="a"), lib.layers.Dense(1, name="b")]
        model = lib.Sequential(layers, name="net")
        model.build((None, 4))
        model.compile("sgd", "mse")
        return paths(model.get_state_tree()["trainable_variables"])

    assert make(cb) == make(keras)


def test_a_model_with_random_streams_is_summarized_in_a_run_as_outside():
    model = cb.Sequential([cb.layers.Dropout(0.5), cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    inside, outside = [], []
    callback = cb.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: model.summary(print_fn=inside.append)
    )
    x = np.ones((4, 2), "float32")
    model.fit(x, x[:, :1], verbose=0, callbacks=[callback])
    model.summary(print_fn=outside.append)
    assert inside == outside
