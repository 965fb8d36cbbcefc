"""Copies and pickles of what models are made of: equal, and independent."""

import copy
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
WAYS = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}


class Block(cb.layers.Layer):
    """Holds layers in every way."""

    def __init__(self):
        super().__init__()
        self.many = [cb.layers.Dense(2)]
        self.named = {"last": cb.layers.Dense(1), "n": 3}
        self.pair = (cb.layers.Dropout(0.3), "text")
        self.many.append(self.named["last"])
        self.many.insert(0, cb.layers.Dense(3))

    def call(self, inputs):
        for layer in (*self.many[:2], self.pair[0]):
            inputs = layer(inputs)
        return self.named["last"](inputs)


LAYERS = {
    "dense": lambda: cb.layers.Dense(2, "relu"),
    "dropout": lambda: cb.layers.Dropout(0.5, (None, 1)),
    "flatten": cb.layers.Flatten,
    "activation": lambda: cb.layers.Activation("tanh"),
    "input": lambda: cb.layers.Input((3,)),
    "block": Block,
    "batch norm": lambda: cb.layers.BatchNormalization(beta_initializer="random_normal"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name, used, way):
    layer = LAYERS[name]()
    if used:
        layer(jnp.asarray(X))
    other = WAYS[way](layer)
    assert (type(other), other.name, other.built) == (type(layer), layer.name, used)
    for one, another in zip(layer.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, another)
    np.testing.assert_array_equal(other(X), layer(X))  # what was open is made of the same seeds
    before = layer.get_weights()
    other.set_weights([weight + 1 for weight in before])
    for one, another in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize("way", WAYS)
def test_what_a_layer_holds_twice_is_one_thing_in_the_copy(way):
    block = Block()
    block(jnp.asarray(X))
    other = WAYS[way](block)
    assert other.many[2] is other.named["last"]
    assert other.many[2] is not block.many[2]
    other.many.append(cb.layers.Dense(7))
    assert len(block.many) == 3
    model = cb.Sequential([other])
    model.build((None, 3))
    assert model.count_params() == 4 * 3 + 4 * 2 + 3 * 1


@pytest.mark.parametrize("way", WAYS)
def test_a_layer_of_a_model_in_a_hook(way):
    copies, weights = [], []

    class Copy(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            copies.append(WAYS[way](self.model.layers[0]))
            weights.append(self.model.layers[0].get_weights())

    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=1, verbose=0, callbacks=[Copy()])
    assert len(copies) == 4
    for layer, then in zip(copies, weights, strict=True):
        for one, another in zip(layer.get_weights(), then, strict=True):
            np.testing.assert_array_equal(one, another)
    assert (copies[0].get_weights()[0] != copies[3].get_weights()[0]).any()


METRICS = {
    "mean": (cb.metrics.Mean, (3.0,)),
    "error": (cb.metrics.RootMeanSquaredError, (np.ones((2, 1)), np.zeros((2, 1)))),
    "top k": (
        lambda: cb.metrics.SparseTopKCategoricalAccuracy(2),
        (np.array([1, 0]), np.array([[0.1, 0.2, 0.3]] * 2)),
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", METRICS)
def test_a_metric_with_what_it_has_seen(name, way):
    make, batch = METRICS[name]
    metric = make()
    assert float(WAYS[way](metric).result()) == 0
    metric.update_state(*batch)
    value = float(metric.result())
    other = WAYS[way](metric)
    assert float(other.result()) == value
    other.reset_state()
    assert float(metric.result()) == value


VALUES = {
    "loss": (cb.losses.BinaryCrossentropy(label_smoothing=0.1), (jnp.ones((2, 1)), X[:2, :1])),
    "loss of a function": (
        cb.losses.LossFunctionWrapper(cb.losses.mean_squared_error),
        (jnp.ones((2, 1)), X[:2, :1]),
    ),
    "initializer": (cb.initializers.GlorotUniform(), ((3, 4),)),
    "constant": (cb.initializers.Constant(2.0), ((3, 4),)),
    "schedule": (cb.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), (3,)),
    "steps": (cb.optimizers.schedules.PiecewiseConstantDecay([1], [0.1, 0.2]), (3,)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VALUES)
def test_what_is_called_gives_the_same(name, way):
    thing, arguments = VALUES[name]
    before = WAYS[way](thing)
    expected = thing(*arguments)
    np.testing.assert_array_equal(before(*arguments), expected)
    np.testing.assert_array_equal(WAYS[way](thing)(*arguments), expected)
