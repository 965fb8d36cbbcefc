"""One small net in every kind of module that a model takes, with dropout and statistics."""

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx


class Nnx(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.first, self.last = nnx.Linear(5, 8, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)
        self.norm, self.drop = nnx.BatchNorm(8, rngs=rngs), nnx.Dropout(0.4, rngs=rngs)

    def __call__(self, x):
        return self.last(self.drop(nnx.relu(self.norm(self.first(x)))))


class Equinox(eqx.Module):
    first: eqx.nn.Linear
    drop: eqx.nn.Dropout
    last: eqx.nn.Linear

    def __init__(self, key):
        one, two = jax.random.split(key)
        self.first = eqx.nn.Linear(5, 8, key=one)
        self.last = eqx.nn.Linear(8, 1, key=two)
        self.drop = eqx.nn.Dropout(0.4)

    def __call__(self, x, *, key=None):
        return self.last(self.drop(jax.nn.relu(self.first(x)), key=key))


class Normed(eqx.Module):
    first: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    last: eqx.nn.Linear

    def __init__(self, key):
        one, two = jax.random.split(key)
        self.first = eqx.nn.Linear(5, 8, key=one)
        self.norm = eqx.nn.BatchNorm(8, axis_name="batch", mode="batch")
        self.last = eqx.nn.Linear(8, 1, key=two)

    def __call__(self, x, state):
        h, state = self.norm(self.first(x), state)
        return self.last(jax.nn.relu(h)), state


class Linen(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool = False):
        h = nn.relu(nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x)))
        return nn.Dense(1)(nn.Dropout(0.4, deterministic=not train)(h))


def _init(key, x):
    one, two = jax.random.split(key)
    width = x.shape[-1]
    weights = jax.random.normal(one, (width, 8)) / 3, jax.random.normal(two, (8, 1)) / 3
    return {"first": weights[0], "last": weights[1]}, {"seen": jnp.zeros(())}


def _apply(params, state, rng, x, training):
    h = jax.nn.relu(x @ params["first"])
    kept = jax.random.bernoulli(rng, 0.6, h.shape)
    h = jnp.where(kept, h / 0.6, 0) if training else h
    return h @ params["last"], {"seen": state["seen"] + x.shape[0]}


KINDS = {
    "nnx": Nnx,
    "equinox": lambda: Equinox(jax.random.key(0)),
    "equinox with state": lambda: eqx.nn.make_with_state(Normed)(jax.random.key(0)),
    "linen": Linen,
    "pair": lambda: (_init, _apply),
}
