"""Whatever hooks do to modules of other kinds, fused executions leave what single steps leave."""

from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests._modules.kinds import BATCH, KINDS, X, Y, arrays_in
from tests.programs import DEEDS, Action, Programmed, deeds_on, ended, programs, random

import callbax as cb

EPOCHS, BATCHES = 2, -(-len(X) // BATCH)
NETWORKS = ("Equinox", "Equinox with state", "Linen", "pair")


class Program(Programmed, cb.callbacks.Callback):
    """The same for callbax's own loop."""


def smaller(module):
    """Returns a module with smaller numbers in it, as its library would make one."""

    def shrink(leaf):
        return leaf * leaf.dtype.type(0.9) if isinstance(leaf, jax.Array) else leaf

    if hasattr(module, "unbind"):
        plain, variables = module.unbind()
        return plain.bind(jax.tree.map(shrink, variables))
    return jax.tree.map(shrink, module)


def assign_one(model):
    weight = model.trainable_weights[-1]
    weight.assign(weight.numpy() * 0.5)


def change_module(model):
    model.module = smaller(model.module)


ACTIONS = {
    **DEEDS,
    **deeds_on(X, Y),
    "assign one": assign_one,
    "read module": lambda model: [a.tobytes() for a in arrays_in(model.module)],
    "change module": change_module,
}


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
    program = Program(actions, ACTIONS)
    data = {"x": X, "y": Y, "batch_size": BATCH, "verbose": 0}
    ended(partial(model.fit, **data, epochs=EPOCHS), program)
    stopped = leaves(model)
    program.actions = []
    model.fit(**data, callbacks=[program])
    return program.trace, stopped, leaves(model)


def leaves(model):
    state = model._engine.read().replace(metrics=())
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


@random(120)
@given(
    network=st.sampled_from(NETWORKS),
    steps_per_execution=st.sampled_from(("auto", 2, 3, 5, 256)),
    actions=programs(ACTIONS, EPOCHS, BATCHES),
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
