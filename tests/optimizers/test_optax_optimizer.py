"""Optax transformations as optimizers, bare and in a subclass."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from callbax import optimizers
from callbax.optimizers import (
    SGD,
    Adam,
    get,
)

PARAMS = {"w": jnp.ones(3)}


def injected(rate=0.1):
    return optax.inject_hyperparams(optax.sgd)(learning_rate=rate)


def descend(optimizer, steps=3, rate=0.5):
    params = {"w": jnp.array([1.0, 2.0])}
    state = optimizer.init(params)
    for step in range(steps):
        params, state = optimizer.update(
            {"w": jnp.ones(2)}, state, params, learning_rate=rate, step=step
        )
    return np.asarray(params["w"])


def test_an_optax_transformation_is_used_as_it_is():
    optimizer = get(optax.sgd(0.25))
    assert not hasattr(optimizer, "learning_rate")
    assert not hasattr(optimizer, "lr")
    assert optimizer.initial_learning_rate is None
    np.testing.assert_array_equal(descend(optimizer), [0.25, 1.25])


@pytest.mark.parametrize(
    "transformation", [injected(), optax.chain(optax.clip(9.0), injected())], ids=["bare", "chain"]
)
def test_an_injected_learning_rate_is_the_one_of_the_training_state(transformation):
    optimizer = get(transformation)
    assert optimizer.learning_rate == np.float32(0.1)
    optimizer.learning_rate = 0.5
    assert optimizer.initial_learning_rate == 0.5
    np.testing.assert_array_equal(descend(optimizer, rate=0.25), [0.25, 1.25])


@pytest.mark.parametrize(
    "transformation",
    [
        injected(optax.constant_schedule(0.1)),
        optax.chain(injected(), injected()),
        optax.multi_transform({"a": injected()}, {"w": "a", "v": "a"}),
    ],
    ids=["schedule", "two", "by name"],
)
def test_no_single_number_means_no_learning_rate(transformation):
    assert not hasattr(get(transformation), "learning_rate")


@pytest.mark.parametrize("optimizer", [get(injected()), get(optax.adam(0.1)), SGD(), Adam()])
def test_a_state_can_be_the_carry_of_a_loop(optimizer):
    def body(step, carry):
        params, state = carry
        return optimizer.update(PARAMS, state, params, learning_rate=0.1, step=step)

    start = (PARAMS, optimizer.init(PARAMS))
    end = jax.jit(lambda n: jax.lax.fori_loop(0, n, body, start))(3)
    assert jax.tree.structure(end) == jax.tree.structure(start)


def test_a_subclass_with_arguments_of_its_own_tells_them():
    class Slow(optimizers.Optimizer):
        def __init__(self, learning_rate=0.5, *, patience=1, **options):
            super().__init__(learning_rate, **options)
            self.patience = patience

        def transformation(self, learning_rate):
            return optax.sgd(learning_rate / self.patience)

    assert Slow(lr=0.25, clipnorm=1.0).learning_rate == 0.25
    np.testing.assert_array_equal(descend(Slow(patience=2), steps=1), [0.75, 1.75])
    with pytest.raises(TypeError, match='Closest: "patience"'):
        Slow(patienc=2)
