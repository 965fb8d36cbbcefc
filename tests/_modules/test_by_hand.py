"""Numbers of every kind of module against a loop of optax that is written by hand for it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tests._modules.kinds import BATCH, HELD, KINDS, LinenNet, X, Y, pair_apply, pair_init

import callbax as cb
from callbax._core._rng import SeedSource

OPTIMIZER = optax.adam(1e-2)
EPOCHS = 2
WEIGHTS_KEY = jax.random.key(SeedSource(0).draw())
DRAWS_KEY = jax.random.key(SeedSource(0, "dropout").draw())


def squared_error(output, y):
    return jnp.mean((output - y) ** 2)


def batches():
    for _ in range(EPOCHS):
        for first in range(0, len(X), BATCH):
            yield X[first : first + BATCH], Y[first : first + BATCH]


def loop(params, state, forward, update=OPTIMIZER):
    """Trains; `forward` is (params, state, key, x) -> (output, state)."""

    @jax.jit
    def step(params, state, slots, number, x, y):
        def loss(params):
            output, after = forward(params, state, jax.random.fold_in(DRAWS_KEY, number), x)
            return squared_error(output, y), after

        grads, after = jax.grad(loss, has_aux=True)(params)
        updates, slots = update.update(grads, slots, params)
        return optax.apply_updates(params, updates), after, slots

    slots = update.init(params)
    for number, (x, y) in enumerate(batches()):
        params, state, slots = step(params, state, slots, number, x, y)
    return params, state


def equinox_by_hand():
    params, static = eqx.partition(KINDS["Equinox"](), eqx.is_inexact_array)

    def forward(params, state, key, x):
        keys = jax.random.split(key, len(x))
        return jax.vmap(eqx.combine(params, static))(x, key=keys), state

    params, _ = loop(params, (), forward)
    module = eqx.nn.inference_mode(eqx.combine(params, static))
    return params, jax.vmap(lambda x: module(x, key=None))(X)


def stateful_equinox_by_hand():
    module, state = KINDS["Equinox with state"]()
    params, static = eqx.partition(module, eqx.is_inexact_array)

    def call(module, x, state, keys):
        each = jax.vmap(
            lambda x, state, key: module(x, state, key=key),
            (0, None, 0),
            (0, None),
            axis_name="over",
        )
        return each(x, state, keys)

    def forward(params, state, key, x):
        return call(eqx.combine(params, static), x, state, jax.random.split(key, len(x)))

    params, state = loop(params, state, forward)
    module = eqx.nn.inference_mode(eqx.combine(params, static))
    return (params, state), call(module, X, state, jax.random.split(DRAWS_KEY, len(X)))[0]


def linen_by_hand():
    module = LinenNet()
    variables = module.init(WEIGHTS_KEY, jnp.zeros((1, 5)), train=False)

    def forward(params, state, key, x):
        one, two = jax.random.split(key)
        return module.apply(
            {"params": params, **state},
            x,
            train=True,
            rngs={"params": one, "dropout": two},
            mutable=["batch_stats"],
        )

    params, state = loop(variables["params"], {"batch_stats": variables["batch_stats"]}, forward)
    variables = {"params": params, **state}
    return variables, module.apply(variables, X, train=False)


def pair_by_hand():
    params, state = pair_init(WEIGHTS_KEY, jnp.zeros((1, 5)))
    params, state = loop(params, state, lambda p, s, key, x: pair_apply(p, s, key, x, True))
    return (params, state), pair_apply(params, state, DRAWS_KEY, X, False)[0]


BY_HAND = {
    "Equinox": equinox_by_hand,
    "Equinox with state": stateful_equinox_by_hand,
    "Linen": linen_by_hand,
    "pair": pair_by_hand,
}


def trained(kind, **arguments):
    model = cb.Model(KINDS[kind](), seed=0, **arguments)
    model.compile(OPTIMIZER, "mse")
    model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    return model


def close(kind, model):
    weights, outputs = BY_HAND[kind]()
    pairs = zip(jax.tree.leaves(weights), model.get_weights(), strict=True)
    same = [np.allclose(one, other, rtol=2e-5, atol=2e-6) for one, other in pairs]
    return same, np.allclose(outputs, model.predict(X, verbose=0), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", HELD)
def test_weights_statistics_and_outputs_are_those_of_the_loop(kind):
    same, outputs = close(kind, trained(kind))
    assert all(same)
    assert outputs


@pytest.mark.every(3)
@pytest.mark.parametrize("kind", HELD)
def test_other_draws_would_be_seen(kind):
    """Negative control: one key is another, and no weight is the same."""
    model = cb.Model(KINDS[kind](), seed=0)
    model._engine.functional._random = {"key": jax.random.key_data(jax.random.key(5))}
    model.compile(OPTIMIZER, "mse")
    model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    same, outputs = close(kind, model)
    assert not all(same)
    assert not outputs
