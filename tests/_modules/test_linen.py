"""What is Linen's own: collections, streams of any name, sown losses, bound modules."""

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.core import freeze
from tests._modules.kinds import LinenNet, X, Y

import callbax as cb


def compiled(module, rate=0.05, **arguments):
    model = cb.Model(module, seed=0, **arguments)
    model.compile(cb.optimizers.SGD(rate), "mse")
    return model


class Sowing(nn.Module):
    """Adds a penalty to the loss, and shows what is inside."""

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(1)(x)
        self.sow("losses", "size", jnp.mean(x**2))
        self.sow("losses", "more", jnp.float32(2))
        self.sow("intermediates", "x", x)
        return x


def test_what_it_sows_into_losses_is_added():
    model = compiled(Sowing())
    outputs = model.predict(X, verbose=0)
    expected = np.mean((outputs - Y) ** 2) + np.mean(outputs**2) + 2
    np.testing.assert_allclose(model.evaluate(X, Y, batch_size=64, verbose=0), expected, rtol=1e-5)
    plain = compiled(nn.Dense(1))
    plain.build((None, 5))
    model.set_weights(plain.get_weights())
    for one in (model, plain):
        one.fit(X, Y, batch_size=64, verbose=0)
    assert (model.get_weights()[1] != plain.get_weights()[1]).any(), "gradients flow through it"
    assert [w.path for w in model.weights] == ["params/Dense_0/bias", "params/Dense_0/kernel"]


class Train(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        return nn.Dense(1)(x) + train


class Training(nn.Module):
    @nn.compact
    def __call__(self, x, *, training=False):
        return nn.Dense(1)(x) + training


class Deterministic(nn.Module):
    @nn.compact
    def __call__(self, x, deterministic=True):
        return nn.Dense(1)(x) + (not deterministic)


@pytest.mark.parametrize("kind", [Train, Training, Deterministic])
def test_every_way_to_ask_for_training_is_answered(kind):
    model = compiled(kind())
    np.testing.assert_allclose(np.asarray(model(X, training=True)) - model(X), 1, rtol=1e-5)


class Draws(nn.Module):
    """Draws from streams of any name, in evaluation too."""

    @nn.compact
    def __call__(self, x, train):
        left = jax.random.normal(self.make_rng("left"), x.shape)
        right = jax.random.normal(self.make_rng("right"), x.shape)
        marked = jnp.where(self.has_rng("dropout") == train, 0.0, jnp.nan)
        return {"left": left, "right": right, "x": nn.Dense(1)(x) + marked}


def test_streams_of_any_name_draw_differently_and_by_step():
    model = cb.Model(Draws(), seed=0)
    for training in (False, True):
        outputs = model(X, training=training)
        assert (np.asarray(outputs["left"]) != np.asarray(outputs["right"])).any()
        again = np.asarray(model(X, training=training)["left"])
        assert (np.asarray(outputs["left"]) != again).any() == training
        assert np.isfinite(np.asarray(outputs["x"])).all(), "the stream says whether it trains"
    before = np.asarray(model(X, training=True)["left"])
    model.compile("sgd", {"x": "mse", "left": None, "right": None})
    model.fit(X, {"x": Y, "left": X, "right": X}, batch_size=len(X), verbose=0)
    assert (np.asarray(model(X, training=True)["left"]) != before).any()


class Counting(nn.Module):
    """Keeps a collection of its own, and changes it whenever it is called."""

    @nn.compact
    def __call__(self, x):
        calls = self.variable("counters", "calls", lambda: jnp.zeros((), jnp.int32))
        if not self.is_initializing():
            calls.value += 1
        return nn.Dense(1)(x)


def test_collections_of_any_name_move_in_training_alone():
    model = compiled(Counting())
    model.build((None, 5))
    counter = model.weights[0]
    assert counter.path == "counters/calls"
    model.predict(X, verbose=0)
    model.evaluate(X, Y, verbose=0)
    assert counter.numpy() == 0
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert counter.numpy() == 12
    assert model.module.variables["counters"]["calls"] == 12


class Late(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        if train and not self.is_initializing():
            self.variable("counters", "late", lambda: jnp.zeros(()))
        self.variable("counters", "early", lambda: jnp.zeros(()))
        return nn.Dense(1)(x)


def test_arrays_that_come_later_are_refused():
    with pytest.raises(ValueError, match=r"(?s)made before it is run.*counters/late"):
        compiled(Late()).fit(X, Y, verbose=0)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_bound_module_starts_from_its_variables(frozen):
    module = LinenNet()
    variables = module.init(jax.random.key(5), X, train=False)
    model = compiled(module.bind(freeze(variables) if frozen else variables))
    assert model.built
    expected = module.apply(variables, X, train=False)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.module(X, train=False), expected, rtol=1e-5, atol=1e-6)
    model.fit(X, Y, verbose=0)
    again = compiled(model.module)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_its_first_weights_follow_from_the_seed_as_by_init():
    cb.utils.set_random_seed(3)
    model = cb.Model(LinenNet())
    model.build((None, 5))
    cb.utils.set_random_seed(3)
    key = jax.random.key(random.randint(1, 10**9))
    expected = LinenNet().init(key, jnp.zeros((1, 5)), train=False)
    for one, other in zip(jax.tree.leaves(expected), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


class Partitioned(nn.Module):
    @nn.compact
    def __call__(self, x):
        init = nn.with_partitioning(nn.initializers.lecun_normal(), (None, "model"))
        return nn.Dense(1, kernel_init=init)(x)


def test_boxes_around_weights_are_taken_off():
    model = compiled(Partitioned())
    model.fit(X, Y, verbose=0)
    assert [w.path for w in model.weights] == ["params/Dense_0/bias", "params/Dense_0/kernel"]


class Shared(nn.Module):
    """Tied as in Linen: one submodule that is called twice."""

    def setup(self):
        self.layer = nn.Dense(5)

    def __call__(self, x):
        return self.layer(jnp.tanh(self.layer(x)))[:, :1]


def test_a_submodule_that_is_called_twice_is_one(capsys):
    model = compiled(Shared())
    model.fit(X, Y, verbose=0)
    assert model.count_params() == 30
    model.summary()
    assert capsys.readouterr().out.count("layer (Dense)") == 1
    assert [type(layer) for layer in model.layers] == [nn.Dense]


class Tokens(nn.Module):
    """Predicts every next token."""

    @nn.compact
    def __call__(self, tokens, deterministic):
        x = nn.Dropout(0.1, deterministic=deterministic)(nn.Embed(7, 16)(tokens))
        return nn.Dense(7)(x)


def test_a_language_model_learns_a_cycle():
    tokens = (np.arange(40)[:, None] + np.arange(9)) % 7
    model = cb.Model(Tokens(), seed=0)
    loss = cb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(cb.optimizers.Adam(0.05), loss, metrics=["accuracy"])
    model.fit(tokens[:, :-1], tokens[:, 1:], epochs=60, verbose=0)
    assert model.evaluate(tokens[:, :-1], tokens[:, 1:], verbose=0)[1] == 1
    assert model.output_shape == (None, 8, 7)


def test_a_module_without_parts_is_one_row(capsys):
    model = compiled(nn.Dense(1))
    model.build((None, 5))
    model.summary()
    assert "module (Dense)" in capsys.readouterr().out
    assert model.layers == []


def test_a_summary_before_any_inputs_are_known(capsys):
    variables = LinenNet().init(jax.random.key(0), X, train=False)
    compiled(LinenNet().bind(variables)).summary()
    printed = capsys.readouterr().out
    assert "Dense_0 (dict)" in printed
    assert "?" in printed


def test_a_summary_for_inputs_of_another_dtype_leaves_shapes_open(capsys):
    model = compiled(Tokens().bind(Tokens().init(jax.random.key(0), np.ones((1, 3), int), True)))
    model.build((None, 3))
    model.summary()
    assert "?" in capsys.readouterr().out
