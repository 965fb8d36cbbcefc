"""Equal models may share compiled programs; what differs in anything that counts never does."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import callbax as cb
from callbax._training._pool import sharing_programs

X = np.random.default_rng(0).normal(size=(22, 4)).astype("float32")
FIT = {"x": X, "y": X[:, :1], "batch_size": 4, "epochs": 2, "verbose": 0}


def dense(loss="mse", dropout=0.3, seed=1, optimizer="adam", **settings):
    cb.utils.set_random_seed(seed)
    layers = [cb.layers.Dense(5, "tanh"), cb.layers.Dropout(dropout), cb.layers.Dense(1)]
    model = cb.Sequential(layers)
    model.compile(cb.optimizers.get(optimizer), loss, **settings)
    return model


class Scaled(nnx.Module):
    """Computes with an array that is no variable: a constant of the program."""

    def __init__(self, scale, rngs):
        self.scale, self.layer = (scale,) * 3, nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x):
        return (self.layer(x) * np.array(self.scale, "float32")).sum(axis=-1, keepdims=True)


def scaled(scale):
    model = cb.Model(Scaled(scale, nnx.Rngs(0)), seed=1)
    model.compile("sgd", "mse")
    return model


def trained(model):
    history = model.fit(**FIT, validation_data=(X[:8], X[:8, :1])).history
    return [weight.tobytes() for weight in model.get_weights()], history


def programs(model):
    return set(map(id, model._engine._programs.by_mode.values()))


@pytest.mark.one_device("programs of several devices are not shared")
def test_equal_models_share_and_come_to_the_same():
    alone = trained(dense()), trained(dense(seed=2))
    with sharing_programs():
        first = trained(one := dense())
        together = first, trained(other := dense(seed=2))
    assert programs(one) == programs(other)
    assert sum(one._engine.traces().values()) == sum(other._engine.traces().values())
    assert together == alone
    assert not programs(dense()) & programs(one), "after the block nothing is shared"


def hinge(y, p):
    return jnp.maximum(0.0, 1 - y * p)


@pytest.mark.parametrize(
    ("make", "other"),
    [
        (dense, lambda: dense(dropout=0.4)),
        (dense, lambda: dense(loss=hinge)),
        (dense, lambda: dense(optimizer=cb.optimizers.Adam(beta_1=0.8))),
        (dense, lambda: dense(metrics=["mae"])),
        (lambda: scaled(1.0), lambda: scaled(2.0)),
    ],
    ids=["dropout", "loss", "optimizer", "metrics", "constant"],
)
def test_what_differs_is_not_shared(make, other):
    alone = trained(make()), trained(other())
    with sharing_programs():
        assert (trained(make()), trained(other())) == alone
    assert alone[0] != alone[1]


def test_what_a_loss_holds_from_outside_is_its_own():
    def annealed():
        weight = [1.0]

        class Anneal(cb.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                weight[0] = 1.0 + epoch

        model = dense(loss=lambda y, p: weight[0] * (y - p) ** 2)
        model.fit(**FIT, callbacks=[Anneal()])
        return [array.tobytes() for array in model.get_weights()]

    alone = annealed()
    with sharing_programs():
        assert [annealed(), annealed()] == [alone, alone]
