"""Whatever hooks do, fused executions leave the trace, the logs and the bits of single steps."""

from functools import partial
from unittest import mock

import jax
import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st
from tests.programs import DEEDS, Programmed, deeds_on, ended, programs, random

import callbax as cb
from callbax._data import _placement

ROWS, BATCH, EPOCHS = 43, 4, 2  # 11 batches an epoch, the last one of 3 rows
BATCHES = -(-ROWS // BATCH)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 5)).astype("float32")
Y = RNG.normal(size=(ROWS, 1)).astype("float32")


class Net(nnx.Module):
    """Batch statistics and dropout: state beside the weights, and random draws."""

    def __init__(self) -> None:
        rngs = nnx.Rngs(0)
        self.first = nnx.Linear(5, 8, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.dropout = nnx.Dropout(0.4, rngs=rngs)
        self.last = nnx.Linear(8, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(nnx.relu(self.norm(self.first(x)))))


OPTIMIZERS = {
    "momentum": lambda: cb.optimizers.SGD(0.05, momentum=0.9),
    "adam": lambda: cb.optimizers.Adam(0.01),
    "rmsprop": lambda: cb.optimizers.RMSprop(0.01),
}


def read_optimizer(model):
    return float(model.optimizer.learning_rate), model.optimizer.iterations


def change_module(model):
    kernel = model.module.last.kernel
    kernel[...] = kernel[...] * 0.9


ACTIONS = {
    **DEEDS,
    **deeds_on(X, Y),
    "read optimizer": lambda model: (
        float(model.optimizer.learning_rate),
        model.optimizer.iterations,
    ),
    "read module": lambda model: np.asarray(model.module.last.kernel[...]).tobytes(),
    "change module": change_module,
}


class Program(Programmed, cb.callbacks.Callback):
    """Writes down what beginnings are told too."""

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch)
        self.note("epoch begin", epoch, logs)

    def on_train_end(self, logs=None):
        self.note("train end", 0, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.note("begin", batch, logs)
        super().on_train_batch_begin(batch)


SOURCES = ("arrays", "large arrays", "generator")


@pytest.fixture(scope="module")
def models():
    """One compiled model for each optimizer, and the state it starts from."""
    made = {}
    for name, optimizer in OPTIMIZERS.items():
        model = cb.Model(Net(), seed=7)
        model.compile(optimizer(), "mse", metrics=["mae"])
        made[name] = model, model._engine.read()
    return made


def run(model, start, actions, steps_per_execution, source):
    """Runs a program from the start, then one undisturbed epoch more; returns all there is."""
    model._engine.write(start)
    model._engine.recipe.steps_per_execution = steps_per_execution
    program = Program(actions, ACTIONS)
    arrays = {"x": X, "y": Y, "shuffle": True, "batch_size": BATCH}
    data = {
        "arrays": lambda: arrays,
        "large arrays": lambda: arrays,
        "generator": lambda: {"x": endless(), "steps_per_epoch": BATCHES},
    }[source]
    large = 0 if source == "large arrays" else _placement.IN_PLACE_BYTES
    with mock.patch.object(_placement, "IN_PLACE_BYTES", large):
        ended(partial(model.fit, **data(), epochs=EPOCHS, verbose=0), program)
        stopped = leaves(model)
        program.actions = []
        model.fit(**data(), epochs=1, verbose=0, callbacks=[program])
    return program.trace, stopped, leaves(model)


def endless():
    while True:
        for first in range(0, ROWS, BATCH):
            yield X[first : first + BATCH], Y[first : first + BATCH]


def leaves(model):
    state = model._engine.read().replace(metrics=())
    return {
        jax.tree_util.keystr(path): np.asarray(jax.random.key_data(leaf)).tobytes()
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        else np.asarray(leaf).tobytes()
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }


@random(300)
@given(
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    source=st.sampled_from(SOURCES),
    steps_per_execution=st.sampled_from(("auto", 2, 3, 5, 256)),
    actions=programs(ACTIONS, EPOCHS, BATCHES),
)
def test_fused_executions_equal_single_steps(
    models, optimizer, source, steps_per_execution, actions
):
    model, start = models[optimizer]
    expected = run(model, start, actions, 1, source.removeprefix("large "))
    received = run(model, start, actions, steps_per_execution, source)
    for what, one, many in zip(("trace", "state", "state later"), expected, received, strict=True):
        assert one == many, f"{what} differs between one step and {steps_per_execution} at a time"


def test_the_number_of_programs_does_not_depend_on_hooks(models):
    for name, (model, start) in models.items():
        for source in SOURCES:
            for steps_per_execution in (1, 3):
                run(model, start, [], steps_per_execution, source)
        # A loop and a single step for full batches, a single step for the short last one; likewise
        # for large arrays, and for the stacks that the generator's batches come in, a few at a time
        # or one alone; and one for the batches of `train_on_batch`.
        assert model._engine.traces()["train"] <= 11, name
