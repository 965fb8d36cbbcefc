"""Bad input gets an error in four beats before anything is trained, and changes nothing."""

import numpy as np
import pytest

import callbax as cb

X = np.ones((10, 4), "float32")
Y = np.ones((10, 1), "float32")


def compiled():
    model = cb.Sequential([cb.layers.Dense(1, input_shape=(4,))])
    model.compile("sgd", "mse")
    return model


class Hookless:
    pass


class OneArgument:
    def on_train_batch_end(self, batch):
        raise AssertionError("never called")


CASES = {
    "lengths that differ": (
        {"x": X, "y": Y[:7]},
        ValueError,
        ["`fit`", "same number of samples", "x: 10, y: 7", "cardinality"],
    ),
    "wrong shape for the first layer": (
        {"x": np.ones((10, 3), "float32"), "y": Y},
        ValueError,
        ["dense", "last dimension is 4", "(10, 3)", "input_shape"],
    ),
    "no samples": ({"x": X[:0], "y": Y[:0]}, ValueError, ["at least one sample", "x: 0"]),
    "a source that ends at once": ({"x": iter(()), "y": None}, ValueError, ["at least one batch"]),
    "batch_size 0": ({"batch_size": 0}, ValueError, ["fit(batch_size=0)", "positive integer"]),
    "batch_size -3": ({"batch_size": -3}, ValueError, ["fit(batch_size=-3)", "positive integer"]),
    "batch_size 2.5": ({"batch_size": 2.5}, ValueError, ["fit(batch_size=2.5)", "2.5 (float)"]),
    "validation_split 1.5": ({"validation_split": 1.5}, ValueError, ["[0, 1)", "1.5"]),
    "validation_split 1": ({"validation_split": 1}, ValueError, ["[0, 1)"]),
    "validation_split -0.1": ({"validation_split": -0.1}, ValueError, ["[0, 1)"]),
    "nothing left to train on": (
        {"validation_split": 0.95},
        ValueError,
        ["either side", "10 samples"],
    ),
    "validation_split of batches": (
        {"x": [(X, Y)], "y": None, "validation_split": 0.5},
        ValueError,
        ["expected arrays", "validation_data"],
    ),
    "validation_data of four parts": (
        {"validation_data": (X, Y, Y, Y)},
        ValueError,
        ["validation_data", "tuple of length 4"],
    ),
    "validation_freq 0": ({"validation_freq": 0}, ValueError, ["validation_freq=0", "positive"]),
    "epochs -1": ({"epochs": -1}, ValueError, ["fit(epochs=-1)", "integer, 0 or more"]),
    "steps_per_epoch 0": ({"steps_per_epoch": 0}, ValueError, ["steps_per_epoch=0"]),
    "verbose loud": ({"verbose": "loud"}, ValueError, ["verbose='loud'", "progress bar"]),
    "both weights": (
        {"class_weight": {0: 1.0}, "sample_weight": np.ones(10, "float32")},
        ValueError,
        ["class_weight", "sample_weight", "one of the two"],
    ),
    "class_weight no dict": ({"class_weight": [1.0]}, ValueError, ["dict of class number"]),
    "y beside batches": ({"x": [(X, Y)], "y": Y}, ValueError, ["fit(y=...)", "no `y`"]),
    "text": ({"x": "data.csv", "y": None}, TypeError, ["arrays", "iterable", "data.csv"]),
    "strings in an array": ({"x": np.array([["a"]] * 10)}, ValueError, ["arrays of numbers"]),
    "a callback class": (
        {"callbacks": [cb.callbacks.EarlyStopping]},
        TypeError,
        ["callbacks[0]", "EarlyStopping"],
    ),
    "an object without hooks": (
        {"callbacks": [Hookless()]},
        TypeError,
        ["callbacks[0]", "Hookless"],
    ),
    "a hook with a wrong signature": (
        {"callbacks": [OneArgument()]},
        TypeError,
        ["OneArgument", "on_train_batch_end", "logs"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fit(case):
    arguments, error, words = CASES[case]
    model = compiled()
    before = model.get_weights()
    with pytest.raises(error) as caught:
        model.fit(**({"x": X, "y": Y, "verbose": 0} | arguments))
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not said in: {caught.value}"
    assert model.optimizer.iterations == 0
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"optimizer": "rmspop"}, ["rmspop", '"rmsprop"']),
        (
            {"loss": "sparse_crossentropy"},
            ["sparse_crossentropy", "sparse_categorical_crossentropy"],
        ),
        ({"metrics": ["acuracy"]}, ["acuracy", '"accuracy"']),
        ({"weighted_metrics": ["mea"]}, ["mea"]),
        ({"loss_weights": ["mae"]}, ["loss_weights=['mae']", "a number", "metrics=[...]"]),
        ({"steps_per_execution": 0}, ["steps_per_execution=0", '"auto"']),
        ({"steps_per_execution": -2}, ["steps_per_execution=-2", "positive integer"]),
        ({"steps_per_execution": 2.0}, ["steps_per_execution=2.0", "float"]),
        ({"steps_per_execution": "fast"}, ["steps_per_execution='fast'", '"auto"']),
    ],
    ids=str,
)
def test_compile(arguments, words):
    model = compiled()
    optimizer = model.optimizer
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the words are checked below
        model.compile(**({"optimizer": "sgd", "loss": "mse"} | arguments))
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not said in: {caught.value}"
    assert model.optimizer is optimizer, "a compile that failed changed the model"


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_runs_need_compile(method):
    model = cb.Sequential([cb.layers.Dense(1)])
    with pytest.raises(ValueError, match="You must call `compile"):
        getattr(model, method)(X, Y)


def test_fit_needs_a_loss():
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd")
    with pytest.raises(ValueError, match="a loss to minimise"):
        model.fit(X, Y)


def test_a_misspelt_hook_warns():
    class Misspelt(cb.callbacks.Callback):
        def on_epoch_ends(self, epoch, logs=None):
            raise AssertionError("never called")

    with pytest.warns(UserWarning, match="on_epoch_end"):
        compiled().fit(X, Y, verbose=0, callbacks=[Misspelt()])


def test_a_generator_that_is_used_up():
    batches = ((X, Y) for _ in range(3))
    model = compiled()
    with pytest.raises(ValueError, match="used up after 3 batches"):
        model.fit(batches, epochs=2, verbose=0)
    assert model.history.epoch == [0], "the epoch that had data was trained and recorded"
    assert model.optimizer.iterations == 3


def test_a_module_class_is_no_module():
    with pytest.raises(TypeError, match="the class Dense"):
        cb.Model(cb.layers.Dense)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: cb.layers.Dense(0), "positive integer"),
        (lambda: cb.layers.Dense(3, activation="rleu"), "relu"),
        (lambda: cb.layers.Dense(3, kernel_initializer="gloro_uniform"), "glorot_uniform"),
        (lambda: cb.layers.Dropout(1.5), "from 0 to 1"),
        (lambda: cb.layers.Flatten("channels"), "channels_last"),
        (lambda: cb.Sequential([cb.layers.Dense]), "an instance of a layer"),
        (
            lambda: cb.Sequential([cb.layers.Dense(1, name="a"), cb.layers.Dense(1, name="a")]),
            "second",
        ),
        (lambda: cb.Sequential([cb.layers.Dense(1)]).get_weights(), "input shape is not known"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_layers(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()
