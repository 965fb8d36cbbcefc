"""Compiling makes nothing: names that count up are used when a metric is."""

import jax.numpy as jnp
import keras
import numpy as np

import callbax as cb

X = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")


def keras_metric():
    class Largest(keras.metrics.Metric):
        def __init__(self, name=None, dtype=None):
            super().__init__(name=name, dtype=dtype)
            self.value = self.add_variable((), initializer="zeros", name="value")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value.assign(keras.ops.maximum(self.value.value, keras.ops.max(y_pred)))

        def result(self):
            return self.value.value

    return Largest


def callbax_metric():
    class Largest(cb.metrics.Metric):
        def empty(self):
            return jnp.zeros(())

        def update(self, state, y_true, y_pred, sample_weight=None):
            return jnp.maximum(state, y_pred.max())

        def compute(self, state):
            return state

    return Largest


def keys(lib, metric):
    """Returns the logs' keys of two compilations with a metric's class, the first one unused."""
    lib.utils.clear_session(free_memory=False)
    model = lib.Sequential([lib.layers.Input((2,)), lib.layers.Dense(1)])
    seen = []
    for fits in (0, 1, 1):
        model.compile("sgd", "mse", metrics=[metric])
        for _ in range(fits):
            seen.append(sorted(model.fit(X, X[:, :1], verbose=0).history))
    return seen


def test_a_metric_s_class_is_named_as_in_keras(monkeypatch):
    monkeypatch.setattr(keras.utils, "clear_session", keras.backend.clear_session, raising=False)
    monkeypatch.setattr(cb.utils, "clear_session", cb.backend.clear_session, raising=False)
    theirs = keys(keras, keras_metric())
    assert keys(cb, callbax_metric()) == theirs == [["largest", "loss"], ["largest_1", "loss"]]
