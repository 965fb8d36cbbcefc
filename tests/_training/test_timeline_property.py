"""Whatever hooks do, fused executions leave the trace, the logs and the bits of single steps."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import callbax as cb

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
ACTIONS = (
    "read weights",
    "set weights",
    "set learning rate",
    "read optimizer",
    "read module",
    "change module",
    "evaluate",
    "predict",
    "stop",
    "raise",
    "interrupt",
)


@dataclass(frozen=True)
class Action:
    what: str
    hook: str
    epoch: int
    batch: int


class Program(cb.callbacks.Callback):
    """Does what a random program says, and writes down all that it sees."""

    def __init__(self, actions: list[Action]) -> None:
        self.actions = actions
        self.trace: list[Any] = []
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.note("epoch begin", epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self.note("epoch end", epoch, logs)

    def on_train_end(self, logs=None):
        self.note("train end", 0, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.note("begin", batch, logs)
        self.act("begin", batch)

    def on_train_batch_end(self, batch, logs=None):
        self.note("end", batch, logs)
        self.act("end", batch)

    # Both batch hooks are overridden, but nothing here measures time.
    execution = "fused"

    def note(self, hook, number, logs):
        self.trace.append((hook, self.epoch, number, dict(logs)))

    def act(self, hook, batch):
        for action in self.actions:
            if (action.hook, action.epoch, action.batch) == (hook, self.epoch, batch):
                self.perform(action.what)

    def perform(self, what):
        model = self.model
        if what == "read weights":
            self.trace.append([w.tobytes() for w in model.get_weights()])
        elif what == "set weights":
            model.set_weights([w * np.float32(0.9) for w in model.get_weights()])
        elif what == "set learning rate":
            model.optimizer.learning_rate = float(model.optimizer.learning_rate) * 0.5
        elif what == "read optimizer":
            self.trace.append((float(model.optimizer.learning_rate), model.optimizer.iterations))
        elif what == "read module":
            self.trace.append(np.asarray(model.module.last.kernel[...]).tobytes())
        elif what == "change module":
            kernel = model.module.last.kernel
            kernel[...] = kernel[...] * 0.9
        elif what == "evaluate":
            self.trace.append(model.evaluate(X, Y, batch_size=16, verbose=0))
        elif what == "predict":
            self.trace.append(model.predict(X[:9], batch_size=4, verbose=0).tobytes())
        elif what == "stop":
            model.stop_training = True
        elif what == "raise":
            raise RuntimeError("as the program says")
        elif what == "interrupt":
            raise KeyboardInterrupt


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
    program = Program(actions)
    data = {
        "arrays": lambda: {"x": X, "y": Y, "shuffle": True, "batch_size": BATCH},
        "generator": lambda: {"x": endless(), "steps_per_epoch": BATCHES},
    }[source]
    try:
        model.fit(**data(), epochs=EPOCHS, verbose=0, callbacks=[program])
    except (RuntimeError, KeyboardInterrupt) as error:
        program.trace.append(type(error).__name__)
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


programs = st.lists(
    st.builds(
        Action,
        what=st.sampled_from(ACTIONS),
        hook=st.sampled_from(("begin", "end")),
        epoch=st.integers(0, EPOCHS - 1),
        batch=st.integers(0, BATCHES - 1),
    ),
    max_size=6,
)


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    source=st.sampled_from(("arrays", "generator")),
    steps_per_execution=st.sampled_from(("auto", 2, 3, 5, 256)),
    actions=programs,
)
def test_fused_executions_equal_single_steps(
    models, optimizer, source, steps_per_execution, actions
):
    model, start = models[optimizer]
    expected = run(model, start, actions, 1, source)
    received = run(model, start, actions, steps_per_execution, source)
    for what, one, many in zip(("trace", "state", "state later"), expected, received, strict=True):
        assert one == many, f"{what} differs between one step and {steps_per_execution} at a time"


def test_the_number_of_programs_does_not_depend_on_hooks(models):
    for name, (model, _) in models.items():
        # A loop and a single step for full batches, a single step for the short last one; likewise
        # for the stacks that the generator's batches come in, a few at a time or one alone.
        assert model._engine.traces()["train"] <= 7, name
