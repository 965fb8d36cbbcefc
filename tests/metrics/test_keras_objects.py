"""Metric and loss objects of Keras itself, given to a model of callbax."""

import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = (X.sum(1, keepdims=True) > 0).astype("float32")
WEIGHTS = RNG.uniform(0.5, 2, 40).astype("float32")


def fitted(lib, **arguments):
    keras.utils.set_random_seed(0)
    model = lib.Sequential([lib.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", **arguments)
    fit = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, sample_weight=WEIGHTS, validation_data=(X, Y), **fit).history


CASES = {
    "metrics": lambda m, loss: {
        "loss": "mse",
        "metrics": [m.AUC(name="auc"), m.Precision(name="p"), m.MeanAbsoluteError()],
    },
    "weighted metrics": lambda m, loss: {
        "loss": "mse",
        "weighted_metrics": [m.AUC(name="auc"), m.MeanSquaredError()],
    },
    "variables made late": lambda m, loss: {"loss": "mse", "metrics": [m.F1Score("micro", 0.5)]},
    "loss": lambda m, loss: {"loss": loss.Huber(delta=0.3)},
    "loss, summed": lambda m, loss: {"loss": loss.BinaryFocalCrossentropy(reduction="sum")},
    "functions": lambda m, loss: {"loss": loss.huber, "metrics": [m.binary_accuracy]},
}


@pytest.mark.parametrize("case", CASES)
def test_they_give_the_numbers_of_keras(case):
    theirs, ours = (fitted(lib, **CASES[case](keras.metrics, keras.losses)) for lib in (keras, cb))
    assert ours.keys() == theirs.keys()
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, rtol=1e-5, err_msg=key)


class Both(keras.metrics.Metric):
    def update_state(self, y_true, y_pred, sample_weight=None):
        pass

    def result(self):
        return {"one": 1.0, "two": 2.0}


class Stateful:
    def update_state(self, y_true, y_pred):
        self.seen = y_true

    def result(self):
        return 0.0

    def reset_state(self):
        pass

    def __call__(self, y_true, y_pred):
        self.update_state(y_true, y_pred)


@pytest.mark.parametrize("metric", [keras.metrics.Mean(), keras.metrics.Sum(), Stateful()])
def test_what_cannot_work_is_refused_when_it_is_compiled(metric):
    model = cb.Sequential([cb.layers.Dense(1)])
    words = r"(?s)`compile\(metrics=\[\.\.\.\]\)`: expected .* received .*Pass"
    for name in ("metrics", "weighted_metrics"):
        with pytest.raises(TypeError, match=words):
            model.compile("sgd", "mse", **{name: [metric]})


def test_a_metric_of_several_values_is_refused():
    with pytest.raises(TypeError, match=r"(?s)expected a metric with one value.*received a Both"):
        fitted(cb, loss="mse", metrics=[Both()])


def test_keras_on_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "tensorflow")
    model = cb.Sequential([cb.layers.Dense(1)])
    for arguments in ({"loss": keras.losses.Huber()}, {"metrics": [keras.metrics.AUC()]}):
        with pytest.raises(ValueError, match=r'(?s)received an object of Keras on "tensorflow"'):
            model.compile("sgd", **arguments)


def test_an_alias_under_the_name_of_keras_is_not_taken_for_keras(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(**vars(cb.keras)))
    history = fitted(cb, loss=cb.losses.MeanSquaredError(), metrics=[cb.metrics.BinaryAccuracy()])
    assert "binary_accuracy" in history
