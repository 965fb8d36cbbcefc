"""Whatever hooks do, fused executions of every kind of module leave what single steps leave."""

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests._modules.nets import KINDS
from tests._training.test_timeline_property import BATCHES, EPOCHS, Action, Program, X, Y

import callbax as cb

ACTIONS = (
    "read weights",
    "set weights",
    "set learning rate",
    "read optimizer",
    "evaluate",
    "predict",
    "stop",
    "raise",
    "interrupt",
)
VALUES = [name for name in KINDS if name != "nnx"]


@pytest.fixture(scope="module")
def models():
    """One compiled model of each kind, and the state it starts from."""
    made = {}
    for kind in VALUES:
        model = cb.Model(KINDS[kind](), seed=7)
        model.compile(cb.optimizers.Adam(0.01), "mse", metrics=["mae"])
        model.predict(X, verbose=0)  # makes the weights of those that have none yet
        made[kind] = model, model._engine.read()
    return made


def run(model, start, actions, steps):
    model._engine.write(start)
    model._engine.recipe.steps_per_execution = steps
    program = Program(actions)
    try:
        model.fit(X, Y, batch_size=4, epochs=EPOCHS, verbose=0, callbacks=[program])
    except (RuntimeError, KeyboardInterrupt) as error:
        program.trace.append(type(error).__name__)
    state = model._engine.read().replace(metrics=())
    return program.trace, [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from(VALUES),
    steps=st.sampled_from(("auto", 2, 3, 5, 256)),
    actions=st.lists(
        st.builds(
            Action,
            what=st.sampled_from(ACTIONS),
            hook=st.sampled_from(("begin", "end")),
            epoch=st.integers(0, EPOCHS - 1),
            batch=st.integers(0, BATCHES - 1),
        ),
        max_size=6,
    ),
)
def test_fused_executions_equal_single_steps(models, kind, steps, actions):
    model, start = models[kind]
    assert run(model, start, actions, 1) == run(model, start, actions, steps)


def test_dropout_is_drawn_again_at_every_step(models):
    """Negative control: two steps with the same key would be seen."""
    model, start = models["equinox"]
    model._engine.write(start)
    first, second = (
        np.asarray(
            model._engine.functional.apply(start.variables, X, training=True, step=step).output
        )
        for step in (0, 1)
    )
    assert np.any(first != second)
