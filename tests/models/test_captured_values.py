"""Numbers and variables that losses and metrics read from outside count when hooks change them."""

import keras
import numpy as np
import pytest
from flax import nnx

import callbax as cb
from callbax._training import _compile
from callbax._training._pool import forget_programs

X = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
Y = X.sum(1, keepdims=True) + 1
GLOBAL = 1.0


class Box:
    weight = 0.0


def line(loss, metrics=()):
    layers = [cb.layers.Input((3,)), cb.layers.Dense(1, kernel_initializer="ones")]
    model = cb.Sequential(layers)
    model.compile(cb.optimizers.SGD(0.01), loss, metrics=list(metrics))
    return model


def in_a_dict():
    box = {"weight": 1.0}
    return lambda t, p: box["weight"] * (t - p) ** 2, lambda v: box.update(weight=v)


def in_a_closure():
    weight = 1.0

    def change(value):
        nonlocal weight
        weight = value

    return lambda t, p: weight * (t - p) ** 2, change


def in_a_global():
    def change(value):
        globals()["GLOBAL"] = value

    change(1.0)
    return lambda t, p: GLOBAL * (t - p) ** 2, change


def on_an_object():
    box = Box()
    box.weight = 1.0
    return lambda t, p: box.weight * (t - p) ** 2, lambda v: setattr(box, "weight", v)


def in_a_helper():
    box = [1.0]

    def scaled(value):
        return box[0] * value

    return lambda t, p: scaled((t - p) ** 2), lambda v: box.__setitem__(0, v)


def on_a_loss():
    class Weighted(cb.losses.Loss):
        def __init__(self):
            super().__init__()
            self.weight = 1.0

        def call(self, y_true, y_pred):
            return self.weight * (y_true - y_pred) ** 2

    loss = Weighted()
    return loss, lambda v: setattr(loss, "weight", v)


def in_an_array():
    array = np.ones(1, "float32")
    return lambda t, p: array[0] * (t - p) ** 2, lambda v: array.__setitem__(0, v)


def in_an_nnx_variable():
    weight = nnx.Variable(np.float32(1))
    return lambda t, p: weight[...] * (t - p) ** 2, lambda v: weight.set_value(np.float32(v))


def in_a_backend_variable():
    weight = cb.backend.variable(1.0)
    return lambda t, p: weight * (t - p) ** 2, lambda v: cb.backend.set_value(weight, v)


def on_a_callback():
    class Annealing(cb.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.weight = cb.backend.variable(1.0)

        def loss(self, y_true, y_pred):
            return self.weight * (y_true - y_pred) ** 2

    callback = Annealing()
    return callback.loss, callback.weight.assign


PLACES = [
    in_a_dict,
    in_a_closure,
    in_a_global,
    on_an_object,
    in_a_helper,
    on_a_loss,
    in_an_array,
    in_an_nnx_variable,
    in_a_backend_variable,
    on_a_callback,
]


def after_many_numbers():
    """Sets another number after every batch; returns weights, traces, computations kept."""
    forget_programs()
    loss, change = on_an_object()
    model = line(loss)
    hook = cb.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: change(batch % 4))
    with pytest.warns(UserWarning, match="a Python number that hooks keep changing"):
        model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0, callbacks=[hook])
    kept = model._engine._programs.by_mode["train"]._computations
    return np.ravel(model.get_weights()[0]).tolist(), model._engine.traces()["train"], len(kept)


def test_programs_for_numbers_that_hooks_tried_are_let_go(monkeypatch):
    weights, traces, kept = after_many_numbers()
    assert kept > 2
    monkeypatch.setattr(_compile, "KEPT", 2)
    assert after_many_numbers() == (weights, traces, 2)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("steps", ["auto", 1])
def test_a_change_counts_from_the_next_step_on(place, steps):
    loss, change = place()
    model = line(loss)
    model.compile(cb.optimizers.SGD(0.01), loss, steps_per_execution=steps)
    weights, losses = [], []

    def hook(batch, logs):
        weights.append(model.get_weights()[0].copy())
        losses.append(model.batch_loss)
        change(0.0 if len(losses) >= 5 else 1.0)

    callback = cb.callbacks.LambdaCallback(on_train_batch_end=hook)
    model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=[callback])
    assert all(losses[:5]), losses
    assert not any(losses[5:]), losses
    np.testing.assert_array_equal(weights[4], weights[-1])
    change(1.0)
    assert model.evaluate(X, Y, verbose=0) > 0
    change(0.0)
    assert model.evaluate(X, Y, verbose=0) == 0


@pytest.mark.usefixtures("unshared")
@pytest.mark.parametrize("place", [in_an_nnx_variable, in_a_backend_variable, on_a_callback])
def test_a_variable_changes_without_compiling_again(place):
    loss, change = place()
    model = line(loss)
    callback = cb.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: change(batch / 10)
    )
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=[callback])
    before = model._engine.traces()["train"]
    model.fit(X, Y, batch_size=16, epochs=5, verbose=0, callbacks=[callback])
    assert model._engine.traces()["train"] == before <= 2


def test_numbers_that_keep_changing_are_warned_about():
    loss, change = in_a_dict()
    callback = cb.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: change(epoch / 10))
    with pytest.warns(UserWarning, match="backend.variable"):
        line(loss).fit(X, Y, epochs=6, verbose=0, callbacks=[callback])


def test_a_metric_reads_them_too():
    weight = cb.backend.variable(2.0)

    def shown(y_true, y_pred):
        return weight + 0 * y_pred[:, 0]

    model = line("mse", [shown])
    callback = cb.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: weight.assign(epoch))
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[callback]).history
    assert history["shown"] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("lib", [keras, cb])
def test_a_penalty_on_the_model_s_own_weights_is_trained_on(lib):
    """Keras's variables are traced in a loss; so are the model's here."""
    layers = [
        lib.layers.Input((3,)),
        lib.layers.Dense(1, use_bias=False, kernel_initializer="ones"),
    ]
    model = lib.Sequential(layers)

    def penalty(y_true, y_pred):
        kernel = model.layers[0].kernel if lib is keras else model.layers[0].weights[0]
        return (kernel[...] ** 2).sum() if lib is cb else keras.ops.sum(kernel**2)

    model.compile(lib.optimizers.SGD(0.25), penalty)
    history = model.fit(X[:4], Y[:4], epochs=3, batch_size=4, verbose=0).history
    np.testing.assert_allclose(history["loss"], [3, 0.75, 0.1875], rtol=1e-6)
    np.testing.assert_allclose(model.get_weights()[0], 0.125, rtol=1e-6)


def test_a_variable_outlives_a_kill(tmp_path):
    class Killed(Exception):
        pass

    def kill(epoch, logs):
        if epoch == 2:
            raise Killed

    weights = []
    for killed in (False, True):
        weight = cb.backend.variable(1.0)

        def loss(y_true, y_pred, weight=weight):
            return weight * (y_true - y_pred) ** 2

        change = cb.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs, weight=weight: (
                weight.assign(0.5) if epoch == 1 else None
            )
        )
        callbacks = [change, cb.callbacks.BackupAndRestore(tmp_path)]
        if killed:
            stop = cb.callbacks.LambdaCallback(on_epoch_begin=kill)
            with pytest.raises(Killed):
                line(loss).fit(
                    X, Y, epochs=4, shuffle=False, verbose=0, callbacks=[*callbacks, stop]
                )
            weight.assign(1.0)
        model = line(loss)
        model.fit(X, Y, epochs=4, shuffle=False, verbose=0, callbacks=callbacks)
        assert weight.numpy() == 0.5
        weights.append(model.get_weights()[0])
    np.testing.assert_array_equal(*weights)
