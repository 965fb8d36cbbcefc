"""A subclass of `Model` computes its loss: what `compile` cannot say fits the same loop."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(44, 4)).astype("float32")
FIT = {"batch_size": 8, "verbose": 0, "shuffle": False}


class Vae(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.encode, self.decode = nnx.Linear(4, 4, rngs=rngs), nnx.Linear(2, 4, rngs=rngs)
        self.rngs = nnx.Rngs(noise=1)

    def __call__(self, x):
        mean, log_var = jnp.split(self.encode(x), 2, axis=-1)
        code = mean + jnp.exp(log_var / 2) * self.rngs.noise.normal(mean.shape)
        return {"x": self.decode(code), "mean": mean, "log_var": log_var}


class VaeModel(cb.Model):
    def __init__(self):
        super().__init__(Vae())
        self.weight = cb.backend.variable(1.0)

    def compute_loss(self, outputs, batch):
        x, _, _ = batch
        rebuilt = jnp.mean((outputs["x"] - x) ** 2)
        mean, log_var = outputs["mean"], outputs["log_var"]
        divergence = -0.5 * jnp.mean(1 + log_var - mean**2 - jnp.exp(log_var))
        return rebuilt + self.weight * divergence, {"rebuilt": rebuilt, "divergence": divergence}


def test_its_values_are_logged_and_minimised():
    model = VaeModel()
    model.compile("adam")
    history = model.fit(X, epochs=30, validation_data=(X,), **FIT).history
    assert set(history) == {
        f"{prefix}{key}" for prefix in ("", "val_") for key in ("loss", "rebuilt", "divergence")
    }
    assert history["loss"][-1] < history["loss"][0]
    for total, *parts in zip(*(history[k] for k in ("loss", "rebuilt", "divergence")), strict=True):
        assert total == pytest.approx(sum(parts), rel=1e-5)
    assert set(model.evaluate(X, verbose=0, return_dict=True)) == {"loss", "rebuilt", "divergence"}


def test_a_weight_that_a_callback_anneals_counts_without_compiling_again():
    model = VaeModel()
    model.compile("sgd")

    class Anneal(cb.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            model.weight.assign(float(epoch))

    history = model.fit(X, epochs=3, callbacks=[Anneal()], **FIT).history
    parts = zip(history["loss"], history["rebuilt"], history["divergence"], strict=True)
    for weight, (loss, rebuilt, divergence) in enumerate(parts):
        assert loss == pytest.approx(rebuilt + weight * divergence, rel=1e-4)
    assert model._engine.traces()["train"] <= 3


def test_it_equals_the_loss_that_compile_names():
    class Same(cb.Model):
        def compute_loss(self, outputs, batch):
            return jnp.mean((outputs - batch[1]) ** 2)

    histories = []
    for kind, loss in ((cb.Model, "mse"), (Same, None)):
        model = kind(nnx.Linear(4, 1, rngs=nnx.Rngs(0)))
        model.compile("sgd", loss, metrics=["mae"])
        histories.append(model.fit(X, X[:, :1], epochs=2, **FIT).history)
    for key, values in histories[0].items():
        np.testing.assert_allclose(histories[1][key], values, rtol=1e-6)


def test_pairs_of_samples_are_told_apart():
    class Contrastive(cb.Model):
        def compute_loss(self, outputs, batch):
            return -jnp.mean(jnp.diag(outputs @ outputs.T) - jnp.logaddexp.reduce(outputs, axis=1))

    model = Contrastive(nnx.Linear(4, 3, rngs=nnx.Rngs(0)))
    model.compile("adam")
    losses = model.fit(X, epochs=5, **FIT).history["loss"]
    assert losses[-1] < losses[0]


def test_a_loss_that_is_not_a_scalar_is_an_error():
    class Wrong(cb.Model):
        def compute_loss(self, outputs, batch):
            return outputs**2

    model = Wrong(nnx.Linear(4, 1, rngs=nnx.Rngs(0)))
    model.compile("sgd")
    with pytest.raises(TypeError, match=r"(?s)compute_loss\(outputs, batch\).*expected scalars"):
        model.fit(X, **FIT)


def test_without_it_a_loss_is_needed():
    model = cb.Model(nnx.Linear(4, 1, rngs=nnx.Rngs(0)))
    model.compile("sgd")
    with pytest.raises(ValueError, match="a loss to minimise"):
        model.fit(X, X[:, :1], **FIT)
