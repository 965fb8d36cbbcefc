"""Moments of Keras's own step: what it computed, found out by Keras's own means."""

import jax
import keras
import numpy as np
import pytest

import callbax as cb
from callbax.callbacks import Callback, Checkpoint, Recorder

X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(40, 1)).astype("float32")


def compiled(model, loss="mse", optimizer=None, **options):
    model.compile(optimizer or keras.optimizers.Adam(0.02), loss, **options)
    return cb.Model(model, seed=3)


def dense(**options):
    keras.utils.set_random_seed(4)
    layers = keras.layers
    regular = keras.regularizers.L2(0.01)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6, "tanh", kernel_regularizer=regular),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    return compiled(model, **options)


def run(model, *callbacks, y=Y, **options):
    return model.fit(
        X, y, batch_size=8, epochs=3, verbose=0, callbacks=[*callbacks, Recorder()], **options
    )


def arrays(state):
    parts = state.params, state.stats, state.optimizer, state.random
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(parts)]


def test_gradients_lead_from_the_state_before_to_the_one_after():
    model = dense(optimizer=keras.optimizers.SGD(0.1))
    moment = run(model).at(2, 3)
    gradients = moment.gradients()
    assert gradients.keys() == moment.before.params.keys()
    for path, gradient in gradients.items():
        before, after = moment.before.params[path], moment.after.params[path]
        np.testing.assert_allclose(before - 0.1 * gradient, after, rtol=1e-5, atol=1e-7)
    assert max(np.abs(gradient).max() for gradient in gradients.values()) > 1e-3


def test_outputs_and_losses_are_those_of_the_step():
    weight = np.linspace(0.1, 2, 40).astype("float32")
    model = dense()
    moment = run(model, sample_weight=weight).at(1, 2)
    x, y, weights = moment.inputs
    assert np.array_equal(weights, weight[moment.rows])
    expected = ((moment.outputs - y) ** 2).mean(axis=1) * weights
    np.testing.assert_allclose(moment.losses, expected, rtol=1e-5)
    # Without dropout and with other statistics it would be another output.
    assert not np.allclose(moment.outputs, model.predict(x, verbose=0))
    kernel = np.asarray(moment.before.params["0"])
    np.testing.assert_allclose(moment.losses.mean() + 0.01 * (kernel**2).sum(), moment.loss, 1e-5)


def test_what_a_mask_leaves_out_does_not_count():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Embedding(5, 3, mask_zero=True),
            keras.layers.LSTM(2, return_sequences=True),
        ]
    )
    words = np.random.default_rng(2).integers(0, 5, (16, 4))
    words[:, 0] = 1
    targets = np.random.default_rng(3).normal(size=(16, 4, 2)).astype("float32")
    model = compiled(model)
    history = model.fit(words, targets, batch_size=8, verbose=0, callbacks=[Recorder()])
    moment = history.at(0, 1)
    x, y, _ = moment.inputs
    each, counts = ((moment.outputs - y) ** 2).mean(axis=2), x != 0
    expected = (each * counts).sum(axis=1) / counts.sum(axis=1)
    np.testing.assert_allclose(moment.losses, expected, rtol=1e-5)


def test_several_outputs_and_losses():
    keras.utils.set_random_seed(2)
    inputs = keras.Input((4,))
    outputs = {"a": keras.layers.Dense(1)(inputs), "b": keras.layers.Dense(1)(inputs)}
    model = keras.Model(inputs, outputs)
    model = compiled(model, {"a": "mse", "b": "mae"}, loss_weights={"a": 1.0, "b": 0.5})
    moment = run(model, y={"a": Y, "b": Y}).at(0, 4)
    y, out = moment.inputs[1]["a"], moment.outputs
    expected = ((out["a"] - y) ** 2).mean(axis=1) + 0.5 * np.abs(out["b"] - y).mean(axis=1)
    np.testing.assert_allclose(moment.losses, expected, rtol=1e-5)
    np.testing.assert_allclose(moment.losses.mean(), moment.loss, rtol=1e-5)


def test_a_scaled_loss_has_gradients_of_the_loss_itself():
    inner = keras.optimizers.SGD(0.1)
    scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    moment = run(dense(optimizer=scaled)).at(1, 1)
    for path, gradient in moment.gradients().items():
        before, after = moment.before.params[path], moment.after.params[path]
        np.testing.assert_allclose(before - 0.1 * gradient, after, rtol=1e-4, atol=1e-6)


class OwnLoss(keras.Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.abs(y - y_pred)) + 0.1 * keras.ops.mean(y_pred)


class OwnStep(keras.Sequential):
    def train_step(self, state, data):
        return super().train_step(state, data)


def test_a_loss_of_the_user_s_own_has_gradients_and_no_losses_of_samples():
    model = compiled(OwnLoss([keras.Input((4,)), keras.layers.Dense(1)]), None)
    moment = run(model).at(0, 1)
    _, y, _ = moment.inputs
    np.testing.assert_allclose(
        np.abs(y - moment.outputs).mean() + 0.1 * moment.outputs.mean(), moment.loss, rtol=1e-5
    )
    assert moment.losses is None
    assert len(moment.gradients()) == 2


def test_a_step_of_the_user_s_own_does_not_tell():
    model = compiled(OwnStep([keras.Input((4,)), keras.layers.Dense(1)]))
    moment = run(model).at(0, 1)
    for ask in (moment.gradients, lambda: moment.outputs, lambda: moment.losses):
        with pytest.raises(TypeError, match=r"OwnStep\.train_step(.|\n)*`compute_loss` instead"):
            ask()
    assert "Explanation" in repr(moment.explain())


def test_the_cause_of_a_nan_is_named_by_the_weight_s_name():
    x = X.copy()
    x[3, 1] = np.inf
    model = dense()
    history = model.fit(x, Y, batch_size=40, verbose=0, callbacks=[Recorder()])
    explanation = history.at(0, 0).explain()
    assert explanation.samples == (int(np.flatnonzero(history.at(0, 0).rows == 3)[0]),)
    assert "kernel" in explanation.gradient


class Scale(Callback):
    execution = "fused"

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.set_weights([weight * 0.9 for weight in self.model.get_weights()])


@pytest.mark.parametrize("record", [Recorder, None], ids=["recorder", "checkpoints"])
def test_moments_are_what_an_observer_saw(record, tmp_path):
    seen = {}

    class Look(Callback):
        execution = "fused"

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            seen[self.epoch, batch] = arrays(self.model._engine.read())

    kept = record() if record else Checkpoint(tmp_path, keep=9)
    history = dense().fit(
        X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[Look(), Scale(), kept]
    )
    for at in [(0, 3), (1, 1), (1, 2), (3, 4)]:
        assert arrays(history.at(*at).after) == seen[at]
