"""A single step and a step in a loop are two programs; their bits must be the same."""

import jax
import numpy as np
import optax
import pytest
from flax import nnx

import callbax as cb
from callbax._data._adapter import make_feed
from callbax._data._placement import OneDevice

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 12, 12, 1)).astype("float32")
Y = RNG.integers(0, 10, 96)


class Dense(nnx.Module):
    def __init__(self, rngs):
        self.first, self.last = nnx.Linear(144, 48, rngs=rngs), nnx.Linear(48, 10, rngs=rngs)
        self.norm, self.dropout = nnx.BatchNorm(48, rngs=rngs), nnx.Dropout(0.3, rngs=rngs)

    def __call__(self, x):
        x = self.first(x.reshape(len(x), -1))
        return self.last(self.dropout(nnx.silu(self.norm(x))))


class Attention(nnx.Module):
    def __init__(self, rngs):
        self.embed, self.norm = nnx.Linear(12, 16, rngs=rngs), nnx.LayerNorm(16, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(2, 16, decode=False, rngs=rngs)
        self.last = nnx.Linear(16, 10, rngs=rngs)

    def __call__(self, x):
        x = self.embed(x[..., 0])
        return self.last(nnx.gelu(self.norm(x + self.attention(x))).mean(1))


class Convolution(nnx.Module):
    def __init__(self, rngs):
        self.convolution = nnx.Conv(1, 4, (3, 3), rngs=rngs)
        self.last = nnx.Linear(144, 10, rngs=rngs)

    def __call__(self, x):
        x = nnx.max_pool(nnx.relu(self.convolution(x)), (2, 2), strides=(2, 2))
        return self.last(x.reshape(len(x), -1))


OPTIMIZERS = {
    "sgd": lambda: cb.optimizers.SGD(0.05),
    "nesterov": lambda: cb.optimizers.SGD(
        0.05, momentum=0.9, nesterov=True, weight_decay=0.01, clipnorm=1.0
    ),
    "rmsprop": lambda: cb.optimizers.RMSprop(0.01, momentum=0.9, centered=True),
    "adam": lambda: cb.optimizers.Adam(0.01, amsgrad=True, use_ema=True, global_clipnorm=1.0),
    "schedule": lambda: cb.optimizers.Adam(cb.optimizers.schedules.CosineDecay(0.01, 100)),
    "accumulation": lambda: cb.optimizers.Adam(0.01, gradient_accumulation_steps=3),
    "adamw": lambda: optax.adamw(1e-3),
    "lion": lambda: optax.lion(1e-3),
}


def first_chunk(model):
    """Fits once, so that the programs exist; returns them, a state and batches to step over."""
    model.fit(X, Y, batch_size=32, verbose=0)
    feed = make_feed(X, Y, where="fit", placement=OneDevice(), batch_size=32, shuffle_seed=3)
    feed.open()
    feed.start_pass(0)
    engine = model._engine
    state = engine.read().replace(metrics=engine.recipe.report.reset(()))
    programs = engine._programs.by_mode["train"]
    return programs, programs.pack(state), feed.next_chunk().batches


def compiled(module, optimizer):
    model = cb.Model(module(nnx.Rngs(0)), seed=1)
    loss = cb.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(OPTIMIZERS[optimizer](), loss, metrics=["accuracy"])
    return model


@pytest.mark.every(3)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("module", [Dense, Attention])
def test_a_single_step_has_the_bits_of_a_step_in_a_loop(module, optimizer):
    programs, start, batches = first_chunk(compiled(module, optimizer))
    assert programs.looped
    one, rows = start, []
    for index in range(3):
        one, block = programs.run(one, batches, index, 1, capacity=256, single=True)
        rows += block
    many, loop_rows = programs.run(start, batches, 0, 3, capacity=256)
    for (path, left), right in zip(
        jax.tree_util.tree_leaves_with_path(one.state),
        jax.tree.leaves(many.state),
        strict=True,
    ):
        name = jax.tree_util.keystr(path)
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right), err_msg=name)
    np.testing.assert_array_equal(np.concatenate(rows), np.asarray(loop_rows[0])[:3])


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="only XLA's CPU compiler does that")
@pytest.mark.one_device("it asks programs of one device")
def test_convolutions_are_stepped_on_a_cpu():
    programs, start, batches = first_chunk(compiled(Convolution, "adam"))
    assert not programs.looped
    traces = programs.traces
    programs.run(start, batches, 0, 3, capacity=256)
    assert programs.traces == traces, "three steps are three runs of the program that exists"
