"""Whatever hooks do to modules of other kinds, fused executions leave what single steps leave."""

from dataclasses import dataclass

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests._modules.kinds import BATCH, KINDS, X, Y, arrays_in

import callbax as cb

EPOCHS, BATCHES = 2, -(-len(X) // BATCH)
NETWORKS = ("Equinox", "Equinox with state", "Linen", "pair")
ACTIONS = (
    "read weights",
    "set weights",
    "assign one",
    "read module",
    "change module",
    "set learning rate",
    "evaluate",
    "predict",
    "call",
    "train on batch",
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

    execution = "fused"  # both batch hooks are overridden, but nothing here measures time

    def __init__(self, actions):
        self.actions, self.trace, self.epoch = actions, [], 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.trace.append(("epoch end", epoch, dict(logs)))

    def on_train_batch_begin(self, batch, logs=None):
        self.act("begin", batch)

    def on_train_batch_end(self, batch, logs=None):
        self.trace.append(("end", self.epoch, batch, dict(logs)))
        self.act("end", batch)

    def act(self, hook, batch):
        for action in self.actions:
            if (action.hook, action.epoch, action.batch) == (hook, self.epoch, batch):
                self.perform(action.what)

    def perform(self, what):
        model = self.model
        if what == "read weights":
            self.trace.append([w.tobytes() for w in model.get_weights()])
        elif what == "set weights":
            model.set_weights([w * w.dtype.type(0.9) for w in model.get_weights()])
        elif what == "assign one":
            weight = model.trainable_weights[-1]
            weight.assign(weight.numpy() * 0.5)
        elif what == "read module":
            self.trace.append([a.tobytes() for a in arrays_in(model.module)])
        elif what == "change module":
            model.module = smaller(model.module)
        elif what == "set learning rate":
            model.optimizer.learning_rate = float(model.optimizer.learning_rate) * 0.5
        elif what == "evaluate":
            self.trace.append(model.evaluate(X, Y, batch_size=16, verbose=0))
        elif what == "predict":
            self.trace.append(model.predict(X[:9], batch_size=4, verbose=0).tobytes())
        elif what == "call":
            self.trace.append(np.asarray(model(X[:4], training=True)).tobytes())
        elif what == "train on batch":
            self.trace.append(model.train_on_batch(X[:4], Y[:4]))
        elif what == "stop":
            model.stop_training = True
        elif what == "raise":
            raise RuntimeError("as the program says")
        elif what == "interrupt":
            raise KeyboardInterrupt


def smaller(module):
    """Returns a module with smaller numbers in it, as its library would make one."""

    def shrink(leaf):
        return leaf * leaf.dtype.type(0.9) if isinstance(leaf, jax.Array) else leaf

    if hasattr(module, "unbind"):
        plain, variables = module.unbind()
        return plain.bind(jax.tree.map(shrink, variables))
    return jax.tree.map(shrink, module)


@pytest.fixture(scope="module")
def models():
    """One compiled model for each network, and the state it starts from."""
    made = {}
    for name in NETWORKS:
        model = cb.Model(KINDS[name](), seed=7)
        model.compile(cb.optimizers.Adam(0.01), "mse", metrics=["mae"])
        model.build((None, 5))
        made[name] = model, model._engine.read()
    return made


def run(model, start, actions, steps_per_execution):
    """Runs a program from the start, then one undisturbed epoch more; returns all there is."""
    model._engine.write(start)
    model._engine.recipe.steps_per_execution = steps_per_execution
    program = Program(actions)
    data = {"x": X, "y": Y, "batch_size": BATCH, "verbose": 0}
    try:
        model.fit(**data, epochs=EPOCHS, callbacks=[program])
    except (RuntimeError, KeyboardInterrupt) as error:
        program.trace.append(type(error).__name__)
    stopped = leaves(model)
    program.actions = []
    model.fit(**data, callbacks=[program])
    return program.trace, stopped, leaves(model)


def leaves(model):
    state = model._engine.read().replace(metrics=())
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


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
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    network=st.sampled_from(NETWORKS),
    steps_per_execution=st.sampled_from(("auto", 2, 3, 5, 256)),
    actions=programs,
)
def test_fused_executions_equal_single_steps(models, network, steps_per_execution, actions):
    model, start = models[network]
    expected = run(model, start, actions, 1)
    received = run(model, start, actions, steps_per_execution)
    for what, one, many in zip(("trace", "state", "state later"), expected, received, strict=True):
        assert one == many, f"{what} differs between one step and {steps_per_execution} at a time"


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("what", ["set weights", "assign one", "change module", "train on batch"])
def test_what_a_program_changes_is_seen(models, network, what):
    """Negative control: the comparison sees one action in the middle of an execution."""
    model, start = models[network]
    plain = run(model, start, [], 5)
    changed = run(model, start, [Action(what, "end", 0, 5)], 5)
    assert plain[1] != changed[1]
    assert plain[2] != changed[2]


def test_the_number_of_programs_does_not_depend_on_hooks(models):
    for name, (model, _) in models.items():
        # A loop and a single step for full batches, a single step for the short last one, and for
        # the batches of `train_on_batch`.
        assert model._engine.traces()["train"] <= 5, name
