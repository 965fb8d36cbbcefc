"""A loss that the model's class computes: in Keras's words, of any structure, annealed by hooks."""

import copy
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
from flax import nnx

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 5)).astype("float32")
Y = (X.sum(1, keepdims=True) + 1).astype("float32")
W = RNG.uniform(size=48).astype("float32")


class Line(nnx.Module):
    def __init__(self):
        self.linear = nnx.Linear(5, 1, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.linear(x)


def alone(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
    errors = ((y_pred - y) ** 2)[:, 0] + 0.1 * jnp.abs(x).mean(-1)
    return jnp.mean(errors * sample_weight)


def on_top(cls):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super(cls, self).compute_loss(x, y, y_pred, sample_weight, training)
        return loss + 0.1 * jnp.mean(jnp.abs(y_pred))

    return compute_loss


class KerasAlone(keras.Model):
    compute_loss = alone


class KerasOnTop(keras.Model):
    pass


class Alone(cb.Model):
    compute_loss = alone


class OnTop(cb.Model):
    pass


KerasOnTop.compute_loss, OnTop.compute_loss = on_top(KerasOnTop), on_top(OnTop)


@pytest.mark.parametrize(
    ("theirs", "ours", "loss"), [(KerasAlone, Alone, None), (KerasOnTop, OnTop, "mse")]
)
def test_the_same_method_comes_to_the_same_in_keras(theirs, ours, loss):
    inputs = keras.Input((5,))
    layer = keras.layers.Dense(1)
    model, other = theirs(inputs, layer(inputs)), ours(Line())
    layer.set_weights([np.asarray(v) for v in other.get_weights()])
    model.compile(keras.optimizers.SGD(0.05), loss, metrics=["mae"])
    other.compile(cb.optimizers.SGD(0.05), loss, metrics=["mae"])
    given = {"sample_weight": W, "batch_size": 16, "verbose": 0}
    histories = [
        m.fit(X, Y, epochs=3, shuffle=False, validation_data=(X, Y, W), **given).history
        for m in (model, other)
    ]
    assert list(histories[0]) == list(histories[1])
    for key, values in histories[0].items():
        np.testing.assert_allclose(histories[1][key], values, rtol=1e-5, err_msg=key)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-5)
    np.testing.assert_allclose(
        other.evaluate(X, Y, **given), model.evaluate(X, Y, **given), rtol=1e-5
    )


class VAE(nnx.Module):
    """Its output is nested, and its draws are its own."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        self.encoder, self.decoder = nnx.Linear(5, 4, rngs=rngs), nnx.Linear(2, 5, rngs=rngs)
        self.rngs = rngs.fork()

    def __call__(self, x):
        mean, log_variance = jnp.split(self.encoder(x), 2, -1)
        z = mean + jnp.exp(log_variance / 2) * jax.random.normal(self.rngs.noise(), mean.shape)
        return {"x": self.decoder(z), "latent": (mean, log_variance)}


class Annealed(cb.Model):
    """Without targets; a variable weighs one part of the loss, and a number another."""

    def __init__(self, module, **arguments):
        super().__init__(module, **arguments)
        self.beta, self.gamma = cb.backend.variable(0.0), 1.0

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        fit, kl = jnp.mean((y_pred["x"] - x) ** 2), self.divergence(*y_pred["latent"])
        return fit + self.beta * kl, {"kl": kl, "beta": self.beta[...], "mse": fit}

    def divergence(self, mean, log_variance):
        terms = jnp.exp(log_variance) + mean**2 - 1 - log_variance
        return self.gamma * jnp.mean(0.5 * terms)


def annealed():
    model = Annealed(VAE(), seed=0)
    model.compile(cb.optimizers.Adam(0.01))
    return model


def test_a_weight_that_hooks_anneal_counts_without_compiling_again():
    model, traces = annealed(), []

    class Anneal(cb.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.beta.assign(0.1 * batch)

        def on_epoch_end(self, epoch, logs=None):
            traces.append(self.model._engine.traces()["train"])

    history = model.fit(X, batch_size=16, epochs=4, verbose=0, callbacks=[Anneal()]).history
    assert set(history) == {"loss", "kl", "beta", "mse"}
    assert model.metrics_names == ["loss", "beta", "kl", "mse"]
    np.testing.assert_allclose(history["beta"], [0.1] * 4, rtol=1e-6)
    assert traces[-1] == traces[1]
    one = model.train_on_batch(X, return_dict=True)
    np.testing.assert_allclose(one["loss"], one["mse"] + one["beta"] * one["kl"], rtol=1e-5)


def test_a_number_that_an_inner_method_reads_counts_too():
    model = annealed()
    before = model.evaluate(X, verbose=0, return_dict=True)
    model.gamma = 2.0
    after = model.evaluate(X, verbose=0, return_dict=True)
    np.testing.assert_allclose(after["kl"], 2 * before["kl"], rtol=1e-5)
    np.testing.assert_allclose(after["mse"], before["mse"], rtol=1e-5)


class OfTheClass(cb.Model):
    weight = cb.backend.variable(1.0)
    number = 1.0

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.weight * jnp.mean(y_pred**2) * self.number


@pytest.mark.parametrize("change", ["weight", "number"])
def test_attributes_of_the_class_count_too(change, monkeypatch):
    model = OfTheClass(Line())
    model.compile("sgd")
    before = model.evaluate(X, verbose=0)
    if change == "weight":
        model.weight.assign(3.0)
    else:
        monkeypatch.setattr(OfTheClass, "number", 3.0)
    np.testing.assert_allclose(model.evaluate(X, verbose=0), 3 * before, rtol=1e-6)
    model.weight.assign(1.0)


def test_its_parts_add_up_in_training_and_in_validation():
    model = annealed()
    model.beta.assign(0.5)
    history = model.fit(X, batch_size=16, epochs=20, verbose=0, validation_data=(X,)).history
    assert history["loss"][-1] < history["loss"][0]
    for prefix in ("", "val_"):
        loss, mse, kl = (np.array(history[prefix + key]) for key in ("loss", "mse", "kl"))
        np.testing.assert_allclose(loss, mse + 0.5 * kl, rtol=1e-5)


def test_without_it_a_loss_is_needed():
    model = cb.Model(Line())
    model.compile("sgd")
    with pytest.raises(ValueError, match="a loss to minimise"):
        model.fit(X, Y, verbose=0)


def test_outputs_of_any_structure_are_predicted():
    outputs = annealed().predict(X, batch_size=20, verbose=0)
    assert jax.tree.map(np.shape, outputs) == {"x": (48, 5), "latent": ((48, 2), (48, 2))}


def test_auxiliary_values_can_be_monitored_and_resumed(tmp_path):
    class Stop(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if logs["kl"] and batch == 1 and self.model.optimizer.iterations == 5:
                raise KeyboardInterrupt

    whole = annealed()
    history = whole.fit(X, batch_size=16, epochs=3, verbose=0).history
    for hooks in ([Stop()], []):
        model = annealed()
        hooks = [cb.callbacks.EarlyStopping("kl", mode="min", patience=9), *hooks]
        backup = cb.callbacks.BackupAndRestore(tmp_path, save_freq=1)
        try:
            again = model.fit(X, batch_size=16, epochs=3, verbose=0, callbacks=[backup, *hooks])
        except KeyboardInterrupt:
            continue
    assert again.history == history
    for one, two in zip(whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


class Contrastive(cb.Model):
    """Compares every sample with all others; looks at the module itself for a penalty."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        z = y_pred / jnp.linalg.norm(y_pred, axis=-1, keepdims=True)
        pairs = optax.softmax_cross_entropy_with_integer_labels(z @ z.T, jnp.arange(len(z)))
        return pairs.mean() + 0.1 * jnp.sum(self.module.weight**2)


def test_gradients_flow_through_the_module_that_a_loss_looks_at():
    module = eqx.nn.Linear(5, 3, use_bias=False, key=jax.random.key(0))
    model = Contrastive(module)
    model.compile(cb.optimizers.SGD(0.05))
    model.fit(X, batch_size=len(X), verbose=0)

    def loss(weight):
        z = X @ weight.T
        z = z / jnp.linalg.norm(z, axis=-1, keepdims=True)
        pairs = optax.softmax_cross_entropy_with_integer_labels(z @ z.T, jnp.arange(len(z)))
        return pairs.mean() + 0.1 * jnp.sum(weight**2)

    expected = module.weight - 0.05 * jax.grad(loss)(module.weight)
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-5, atol=1e-6)


class Twice(cb.Model):
    """Calls itself on other inputs, as of the step."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return jnp.mean((self(2 * x, training=training) - y) ** 2)


def test_a_loss_may_call_the_model_again():
    model, plain = Twice(Line()), cb.Model(Line())
    for m, inputs in ((model, X), (plain, 2 * X)):
        m.compile(cb.optimizers.SGD(0.01), "mse")
        m.fit(inputs, Y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    for one, two in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5)


class Drop(nnx.Module):
    def __init__(self):
        self.linear, self.drop = (
            nnx.Linear(5, 1, rngs=nnx.Rngs(0)),
            nnx.Dropout(0.5, rngs=nnx.Rngs(1)),
        )

    def __call__(self, x):
        return self.linear(self.drop(x))


class Differing(cb.Model):
    """How far a second call in the same step is from the first."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        again = self(x, training=training)
        return jnp.mean(y_pred), {"apart": jnp.max(jnp.abs(again - y_pred)), "first": y_pred[0, 0]}


def test_a_second_call_in_a_step_draws_what_the_step_drew():
    model = Differing(Drop(), seed=0)
    model.compile(cb.optimizers.SGD(0.0))
    logs = [model.train_on_batch(X, return_dict=True) for _ in range(3)]
    assert [one["apart"] for one in logs] == [0, 0, 0]
    assert len({one["first"] for one in logs}) == 3, "every step draws again"


def test_fused_steps_leave_what_single_steps_leave():
    seen = []

    class Note(cb.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen[-1].append(dict(logs))

    for steps in (1, 2, 5, "auto"):
        model = annealed()
        model._engine.recipe.steps_per_execution = steps
        seen.append([])
        model.fit(X, batch_size=5, epochs=2, verbose=0, callbacks=[Note()])
        seen[-1].append([w.tobytes() for w in model.get_weights()])
    assert len(seen[0]) == 21
    assert all(one == seen[0] for one in seen)


def test_copies_compute_with_what_is_theirs():
    model = annealed()
    model.fit(X, verbose=0)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        twin.beta.assign(7.0)
        logs = twin.evaluate(X, verbose=0, return_dict=True)
        assert logs["beta"] == 7
    assert model.evaluate(X, verbose=0, return_dict=True)["beta"] == 0


def model_that_returns(value):
    class Returning(cb.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return value(self, y_pred, training)

    model = Returning(Line())
    model.compile("sgd", metrics=["mae"])
    return model


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda model, y, training: y, ["a scalar", "shape (32, 1)", "for loss", "jnp.mean"]),
        (lambda model, y, training: None, ["a scalar", "None for loss"]),
        (lambda model, y, training: (y.mean(), {"a": y}), ["(32, 1)", "for a"]),
        (lambda model, y, training: (y.mean(), {"loss": y.mean()}), ['none of them named "loss"']),
        (
            lambda model, y, training: (y.mean(), {"train" if training else "test": y.mean()}),
            ["['test']", "['train'], with training=True", "same names"],
        ),
        (lambda model, y, training: (y.mean(), {"mae": y.mean()}), ["'mae'", "no metric has"]),
        (
            lambda model, y, training: cb.Model.compute_loss(model, None, None, y),
            ["a compiled loss", "loss=None", "super().compute_loss"],
        ),
    ],
)
def test_other_losses_are_refused_before_the_first_step(value, words):
    model = model_that_returns(value)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"`model.compute_loss\(\.\.\.\)`: expected") as caught:
        model.fit(X, Y, verbose=0)
    assert not [word for word in words if word not in str(caught.value)], caught.value
    assert model.optimizer.iterations == 0
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


class Weighted(cb.Model):
    """Compares with what is in the inputs, weighed by a variable."""

    beta = cb.backend.variable(2.0)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.beta * jnp.mean((y_pred - x.sum(-1, keepdims=True)) ** 2)


def test_a_recorded_batch_tells_the_loss_of_every_sample_as_of_its_step():
    model = Weighted(Line())
    model.compile("sgd")
    recorder = cb.callbacks.Recorder()
    history = model.fit(X, batch_size=16, shuffle=False, verbose=0, callbacks=[recorder])
    moment = history.at(0, 1)
    model.beta.assign(7.0)
    errors = 2 * (moment.outputs - X[16:32].sum(-1, keepdims=True))[:, 0] ** 2
    np.testing.assert_allclose(moment.losses, errors, rtol=1e-5)
    assert moment.loss == pytest.approx(errors.mean(), rel=1e-5)
    model.beta.assign(2.0)
