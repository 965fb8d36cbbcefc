"""One network of every kind of module, with dropout and statistics where the kind has them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import nnx

RNG = np.random.default_rng(0)
X = RNG.normal(size=(43, 5)).astype("float32")  # 11 batches of 4, the last one of 3 rows
Y = (X @ RNG.normal(size=(5, 1)) + 0.3).astype("float32")
BATCH = 4


def tanh(x):
    return jnp.tanh(x)


class EquinoxMLP(eqx.Module):
    """Written for one sample, as is Equinox's habit."""

    first: eqx.nn.Linear
    dropout: eqx.nn.Dropout
    last: eqx.nn.Linear

    def __init__(self, key):
        one, two = jax.random.split(key)
        self.first, self.last = eqx.nn.Linear(5, 8, key=one), eqx.nn.Linear(8, 1, key=two)
        self.dropout = eqx.nn.Dropout(0.4)

    def __call__(self, x, *, key):
        return self.last(self.dropout(tanh(self.first(x)), key=key))


class EquinoxNorm(eqx.Module):
    """Keeps a state: made by ``make_with_state``."""

    first: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    dropout: eqx.nn.Dropout
    last: eqx.nn.Linear

    def __init__(self, key):
        one, two = jax.random.split(key)
        # No bias before a normalization: its gradient is nothing but rounding errors.
        self.first = eqx.nn.Linear(5, 8, use_bias=False, key=one)
        self.last = eqx.nn.Linear(8, 1, key=two)
        self.norm = eqx.nn.BatchNorm(8, "over", mode="batch")
        self.dropout = eqx.nn.Dropout(0.3)

    def __call__(self, x, state, *, key):
        x, state = self.norm(self.first(x), state)
        return self.last(self.dropout(tanh(x), key=key)), state


class LinenNet(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool):
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(
            nn.Dense(8, use_bias=False)(x)
        )
        x = nn.Dropout(0.4, deterministic=not train)(tanh(x))
        return nn.Dense(1)(x)


class NnxNet(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.first, self.norm = nnx.Linear(5, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
        self.dropout, self.last = nnx.Dropout(0.4, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(tanh(self.norm(self.first(x)))))


def pair_init(key, x):
    one, two = jax.random.split(key)
    params = {
        "first": {"w": jax.random.normal(one, (x.shape[-1], 8)), "b": jnp.zeros(8)},
        "last": {"w": jax.random.normal(two, (8, 1)), "b": jnp.zeros(1)},
    }
    return params, {"mean": jnp.zeros(8), "calls": jnp.zeros((), jnp.int32)}


def pair_apply(params, state, key, x, training):
    x = tanh(x @ params["first"]["w"] + params["first"]["b"])
    mean = jnp.where(training, 0.9 * state["mean"] + 0.1 * x.mean(0), state["mean"])
    if training:
        x = x * jax.random.bernoulli(key, 0.6, x.shape) / 0.6
    y = (x - mean) @ params["last"]["w"] + params["last"]["b"]
    return y, {"mean": mean, "calls": state["calls"] + 1}


KINDS = {
    "Equinox": lambda: EquinoxMLP(jax.random.key(0)),
    "Equinox with state": lambda: eqx.nn.make_with_state(EquinoxNorm)(jax.random.key(0)),
    "Linen": LinenNet,
    "pair": lambda: (pair_init, pair_apply),
    "NNX": NnxNet,
}
"""Name -> a network of a kind, the same one at every call."""
HELD = tuple(name for name in KINDS if name != "NNX")
"""Kinds of which `model.module` is another object with every batch."""


def arrays_in(module):
    """Returns all arrays of numbers that a module, as `model.module` shows it, holds."""
    if isinstance(module, nnx.Module):
        module = nnx.state(module, nnx.Not(nnx.RngState))
    if isinstance(module, nn.Module):
        module = module.variables
    return [np.asarray(leaf) for leaf in jax.tree.leaves(module) if eqx.is_array(leaf)]
