"""``model(x, training=True)``: other draws at every call, statistics updated, as in Keras."""

import jax
import keras
import numpy as np
import pytest
from flax import nnx

import callbax as cb

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Net(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.first, self.norm = nnx.Linear(3, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
        self.dropout, self.last = nnx.Dropout(0.5, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(self.norm(self.first(x))))


def rows(lib):
    layers = lib.layers
    return [
        lib.Input((3,)),
        layers.Dense(8),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.Dense(1),
    ]


MODELS = {
    "Sequential": lambda: cb.Sequential(rows(cb)),
    "NNX": lambda: cb.Model(Net(), seed=0),
    "Keras": lambda: cb.Model(keras.Sequential(rows(keras))),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request):
    keras.utils.set_random_seed(0)
    cb.utils.set_random_seed(0)
    model = request.param()
    model.compile("sgd", "mse")
    return model


def fit(model, **options):
    return model.fit(X, Y, batch_size=4, verbose=0, shuffle=False, **options).history["loss"]


def test_every_call_draws_other_numbers(model):
    """As for uncertainties by Monte Carlo: equal draws would say that there are none."""
    outputs = np.stack([model(X, training=True) for _ in range(20)])
    assert len(np.unique(outputs[:, 0])) > 15
    np.testing.assert_array_equal(model(X), model(X))


def test_statistics_are_updated_as_in_keras():
    pairs = []
    for lib in (keras, cb):
        model = lib.Sequential([lib.Input((3,)), lib.layers.BatchNormalization(momentum=0.5)])
        for _ in range(3):
            model(X, training=True)
        model(X)
        pairs.append(model.get_weights())
    for left, right in zip(*pairs, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-6)
    assert pairs[0][2].any()


def test_a_trace_of_the_user_s_own_leaves_statistics_alone():
    model = MODELS["NNX"]()
    before = model.get_weights()
    jax.grad(lambda x: model(x, training=True).sum())(X)
    jax.jit(lambda x: model(x, training=True))(X)
    for left, right in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_call_within_a_gradient_of_something_else_counts():
    model = MODELS["NNX"]()
    before = model.get_weights()
    jax.grad(lambda factor: (model(X, training=True) * factor).sum())(1.0)
    after = model.get_weights()
    assert any((left != right).any() for left, right in zip(before, after, strict=True))


def test_draws_of_steps_are_as_without_the_calls():
    losses = []
    for calls in (0, 3):
        model = cb.Model(Net(), seed=0)
        model.compile("sgd", "mse")
        for _ in range(calls):
            model(X, training=True)
        losses.append(fit(model))
    assert losses[0] == losses[1]


def test_calls_in_hooks_are_the_same_after_a_resume(tmp_path):
    """They draw by the batch, so that a run that was killed sees what the other one sees."""

    def run(folder, dies):
        seen = []

        class Calling(cb.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                outputs = [np.asarray(self.model(X, training=True)).tobytes() for _ in range(2)]
                seen.append(outputs)
                if dies and len(seen) == 6:
                    raise KeyboardInterrupt

        model = cb.Model(Net(), seed=0)
        model.compile("sgd", "mse")
        checkpoint = cb.callbacks.Checkpoint(folder, save_freq=1)
        if not dies:
            fit(model, epochs=2, callbacks=[Calling()], resume=checkpoint)
        else:
            with pytest.raises(KeyboardInterrupt):
                fit(model, epochs=2, callbacks=[Calling()], resume=checkpoint)
        return seen, [weight.tobytes() for weight in model.get_weights()]

    whole, weights = run(tmp_path / "whole", dies=False)
    first, _ = run(tmp_path / "killed", dies=True)
    second, again = run(tmp_path / "killed", dies=False)
    assert len(whole) == 8
    assert len({output for outputs in whole for output in outputs}) == 16
    assert second == whole[-len(second) :]
    assert first == whole[: len(first)]
    assert len(first) + len(second) >= 8
    assert again == weights
