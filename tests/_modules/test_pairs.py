"""Pairs of functions: every order of arguments, and what is no pair."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from tests._modules.kinds import KINDS, X, Y, pair_apply, pair_init

import callbax as cb

STATE = {"calls": jnp.zeros((), jnp.int32)}


def line(params, x):
    return x @ params["w"] + params["b"]


def first(key, x):
    return {"w": jax.random.normal(key, (x.shape[-1], 1)), "b": jnp.zeros(1)}


def with_state(key, x):
    return first(key, x), STATE


def noise(key, x):
    return 0.01 * jax.random.normal(key, (len(x), 1))


def counted(state):
    return {"calls": state["calls"] + 1}


PAIRS = {
    "params, x": (first, line),
    "params, key, x": (first, lambda params, key, x: line(params, x) + noise(key, x)),
    "params, rng, x": (first, lambda params, rng, x: line(params, x) + noise(rng, x)),
    "params, x, key": (first, lambda params, x, key: line(params, x) + noise(key, x)),
    "params, x, *, rng": (first, lambda params, x, *, rng: line(params, x) + noise(rng, x)),
    "params, state, x": (
        with_state,
        lambda params, state, x: (line(params, x), counted(state)),
    ),
    "params, state, rng, x": (
        with_state,
        lambda params, state, rng, x: (line(params, x) + noise(rng, x), counted(state)),
    ),
    "params, x, state, key, training": (
        with_state,
        lambda params, x, state, key, training: (line(params, x) + training, counted(state)),
    ),
    "jitted": (jax.jit(first), jax.jit(line)),
    "partial": (functools.partial(first), functools.partial(line)),
    "methods": (nn.Dense(1).init, nn.Dense(1).apply),
    "with inputs that init need not have": (lambda key, *inputs: first(key, inputs[0]), line),
}


def compiled(pair):
    model = cb.Model(pair, seed=0)
    model.compile(cb.optimizers.SGD(0.05), "mse")
    return model


@pytest.mark.parametrize("order", PAIRS)
def test_names_tell_what_is_what(order):
    model = compiled(PAIRS[order])
    history = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    if "state" in order:
        assert model.module.state["calls"] == 20 * 2
        assert model.module.state["calls"].dtype == jnp.int32
    if order != "params, x, state, key, training":
        assert history[-1] < 0.1 < history[0]
    else:
        np.testing.assert_allclose(np.asarray(model(X, training=True)) - model(X), 1, rtol=1e-4)
    if ("key" in order or "rng" in order) and "training" not in order:
        once = np.asarray(model(X, training=True))
        assert (np.asarray(model(X, training=True)) != once).any(), "every call draws anew"


@pytest.mark.parametrize("kind", ["tuple", "dict"])
def test_several_inputs(kind):
    pair = (lambda key, a, b: first(key, a), lambda params, a, b: line(params, a) + b)
    inputs = (X, Y) if kind == "tuple" else {"a": X, "b": Y}
    model = compiled(pair)
    model.fit(inputs, 2 * Y, epochs=20, verbose=0)
    assert model.evaluate(inputs, 2 * Y, verbose=0) < 0.1


def test_what_the_module_is_now_makes_a_model_again():
    model = compiled(KINDS["pair"]())
    assert model.module.params is None
    model.fit(X, Y, verbose=0)
    assert model.module[:2] == (pair_init, pair_apply)
    again = compiled(model.module)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    named = compiled((first, line, {"w": jnp.ones((5, 1)), "b": jnp.zeros(1)}))
    np.testing.assert_allclose(named.predict(X, verbose=0), X.sum(1, keepdims=True), rtol=1e-5)


def test_a_parameter_may_be_called_state():
    model = compiled((lambda key, x: {"state": first(key, x)}, lambda p, x: line(p["state"], x)))
    model.fit(X, Y, verbose=0)
    assert [w.path for w in model.trainable_weights] == ["state/b", "state/w"]


@pytest.mark.parametrize(
    ("pair", "error", "words"),
    [
        (
            (first, lambda params, state, x: (line(params, x), state)),
            TypeError,
            ["init(key, x)", "tuple of two", "dict with keys"],
        ),
        (
            (with_state, lambda params, state, x: line(params, x)),
            TypeError,
            ["apply(params, ...)", "tuple of two"],
        ),
        (
            (
                lambda key, x: {"a/w": jnp.ones(1), "a": {"w": jnp.ones(1)}},
                lambda params, x: x,
            ),
            ValueError,
            ["a path of its own", "two at a/w", "slashes"],
        ),
    ],
)
def test_what_cannot_work_is_an_error_in_four_beats(pair, error, words):
    with pytest.raises(error) as caught:
        compiled(pair).fit(X, Y, verbose=0)
    message = str(caught.value)
    assert ": expected " in message
    assert ", received " in message
    assert not [word for word in words if word not in message], message


@pytest.mark.parametrize(
    "thing", [(first,), (first, 3), [first, line], (nn.Dense, nn.Dense), (nn.Dense(1), nn.Dense(1))]
)
def test_other_tuples_are_not_pairs(thing):
    with pytest.raises(TypeError, match="init, apply"):
        cb.Model(thing)
