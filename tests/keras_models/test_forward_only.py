"""A Keras model compiled with callbax's optimizer, losses and metrics gives its outputs alone."""

import keras
import numpy as np
import optax
import pytest
from keras import layers
from tests.keras_models.kinds import Subclassed, floats, whole

import callbax as cb

FIT = {"batch_size": 16, "epochs": 3, "shuffle": False, "verbose": 0}


def dense():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(6, "relu"), layers.Dense(1)])
    return model, floats(4), floats(1), "mse", ["mae"]


def dropout_and_statistics():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6),
            layers.BatchNormalization(),
            layers.Dropout(0.4),
            layers.Dense(3, "softmax"),
        ]
    )
    return model, floats(4), whole(3), "sparse_categorical_crossentropy", ["accuracy"]


def losses_of_its_own():
    return Subclassed(), floats(4), floats(4, seed=1), "mse", None


def regularized():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, kernel_regularizer="l2")])
    return model, floats(4), floats(2), "mae", None


def masked():
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(5, 4, mask_zero=True),
            layers.LSTM(3, return_sequences=True),
            layers.Dense(1),
        ]
    )
    return model, whole(5, 6), floats(6, 1), "mse", None


def several_outputs():
    a = keras.Input((4,))
    outputs = {"p": layers.Dense(1, name="p")(a), "q": layers.Dense(2, name="q")(a)}
    return keras.Model(a, outputs), floats(4), {"p": floats(1), "q": floats(2)}, "mse", None


KINDS = [dense, dropout_and_statistics, losses_of_its_own, regularized, masked, several_outputs]


@pytest.mark.every(2)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_trains_to_keras_numbers(kind, optimizer, distribution):
    # A shorter last batch means as many programs again, and for all optimizers the same thing.
    fit = FIT if optimizer == "sgd" else {**FIT, "batch_size": 22}
    keras.utils.set_random_seed(2)
    theirs, x, y, loss, metrics = kind()
    theirs.compile(optimizer, loss, metrics=metrics)
    expected = theirs.fit(x, y, validation_data=(x, y), **fit).history
    keras.utils.set_random_seed(2)
    ours, x, y, loss, metrics = kind()
    model = cb.Model(ours)
    model.compile(optimizer, loss, metrics=metrics)
    received = model.fit(x, y, validation_data=(x, y), **fit).history
    assert not model.is_own
    assert set(received) == set(expected)
    for key, values in expected.items():
        np.testing.assert_allclose(received[key], values, rtol=2e-5, atol=2e-6, err_msg=key)
    # The gradient of a bias before a normalization is rounding alone, which Adam makes larger.
    atol = 1e-3 if distribution in ("dp", "fsdp") else 1e-5
    for a, b in zip(theirs.variables, ours.variables, strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-4, atol=atol, err_msg=a.path)


def test_masked_steps_do_not_count():
    """Negative control: without its mask the loss is another one."""
    keras.utils.set_random_seed(2)
    model, x, y, loss, _ = masked()
    wrapped = cb.Model(model)
    wrapped.compile("sgd", loss)
    with_mask = wrapped.evaluate(x, y, verbose=0)
    without = float(np.mean((model.predict(x, verbose=0) - y) ** 2))
    assert abs(with_mask - without) > 1e-3


def test_optax_trains_it():
    model, x, y, loss, _ = dense()
    wrapped = cb.Model(model)
    wrapped.compile(optax.adam(0.05), loss)
    losses = wrapped.fit(x, y, **{**FIT, "epochs": 10}).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("compile_with", "own"),
    [
        ({"optimizer": "adam", "loss": "mse"}, False),
        ({"optimizer": cb.optimizers.Adam(), "loss": keras.losses.MeanSquaredError()}, False),
        ({"optimizer": optax.sgd(0.1), "loss": "mse", "metrics": [keras.metrics.AUC()]}, False),
        ({"optimizer": "adam", "loss": "circle"}, True),
        ({"optimizer": "adamax", "loss": "mse"}, True),
    ],
    ids=[
        "names",
        "a loss of Keras",
        "a metric of Keras",
        "a loss of Keras alone",
        "an optimizer of Keras alone",
    ],
)
def test_what_was_compiled_says_whose_step_it_is(compile_with, own, capsys):
    model = cb.Model(dense()[0])
    model.compile(**compile_with)
    assert model.is_own is own
    model.summary(print_fn=lambda line, **_: print(line))
    assert ("Keras's own `train_step`" in capsys.readouterr().out) is own


def test_an_unknown_name_is_an_error_before_anything_changes():
    model = cb.Model(dense()[0])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match='no loss is registered under the name "nosuch"'):
        model.compile("adam", "nosuch")
    assert type(model.optimizer).__name__ == "SGD"
