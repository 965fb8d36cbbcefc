"""Names, configs and states of optimizers."""

import inspect
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

from callbax.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    Nadam,
    OptaxOptimizer,
    RMSprop,
    ema_of,
    get,
    schedules,
    with_ema,
)

MEMBERS = [SGD, RMSprop, Adam, AdamW, Nadam, Adagrad, Adadelta, Lion]
PARAMS = {"w": jnp.ones(3)}


@pytest.mark.parametrize("member", MEMBERS)
def test_signatures_are_those_of_keras(member):
    def listed(cls):
        parameters = inspect.signature(cls).parameters.values()
        return [(p.name, p.default) for p in parameters if p.name != "loss_scale_factor"]

    assert listed(member) == listed(getattr(keras.optimizers, member.__name__))


@pytest.mark.parametrize("member", MEMBERS)
def test_configs_are_those_of_keras_and_lead_back(member):
    arguments = {"learning_rate": 0.1, "clipnorm": 1.0, "use_ema": True, "name": "mine"}
    theirs = getattr(keras.optimizers, member.__name__)(**arguments).get_config()
    ours = member(**arguments).get_config()
    assert ours == {key: theirs[key] for key in theirs if key != "loss_scale_factor"}
    assert member.from_config(json.loads(json.dumps(theirs))).get_config() == ours


def test_a_config_holds_the_schedule():
    config = json.loads(json.dumps(Adam(schedules.CosineDecay(0.1, 10)).get_config()))
    assert Adam.from_config(config).get_config() == config
    theirs = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 10), name="adam")
    assert Adam.from_config(theirs.get_config()).learning_rate == np.float32(0.1)


def test_a_config_holds_the_rate_in_force():
    optimizer = SGD(0.1)
    bound = optimizer.bind(SimpleNamespace(learning_rate=0.5, step=3, hyperparameters={}))
    assert bound.get_config()["learning_rate"] == 0.5


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("adam", Adam),
        ("ADAM", Adam),
        ("adamw", AdamW),
        ("nadam", Nadam),
        ("lion", Lion),
        ("RMSprop", RMSprop),
        ("rmsprop", RMSprop),
        ("sgd", SGD),
        (SGD, SGD),
        (optax.adam(0.1), OptaxOptimizer),
        ({"class_name": "adam"}, Adam),
        (keras.optimizers.serialize(keras.optimizers.SGD(0.5)), SGD),
        (None, type(None)),
    ],
)
def test_get_finds_what_was_meant(identifier, expected):
    assert type(get(identifier)) is expected


def test_get_returns_an_optimizer_as_it_is_and_heeds_a_config():
    optimizer = SGD()
    assert get(optimizer) is optimizer
    assert get({"class_name": "SGD", "config": {"learning_rate": 0.5}}).learning_rate == 0.5


def test_averages_share_no_buffer_with_the_weights():
    state = SGD(use_ema=True).init(PARAMS)
    donated = jax.jit(lambda params, state: (params, state), donate_argnums=(0, 1))
    params, state = donated({"w": jnp.copy(PARAMS["w"])}, state)
    np.testing.assert_array_equal(ema_of(state)["w"], params["w"])


def test_averages_can_be_swapped():
    state = SGD(use_ema=True, gradient_accumulation_steps=2).init(PARAMS)
    swapped = with_ema(state, {"w": jnp.zeros(3)})
    np.testing.assert_array_equal(ema_of(swapped)["w"], np.zeros(3))
    np.testing.assert_array_equal(ema_of(state)["w"], np.ones(3))
    assert jax.tree.structure(swapped) == jax.tree.structure(state)


def test_without_averages_there_are_none():
    assert ema_of(SGD().init(PARAMS)) is None
    assert ema_of(()) is None
