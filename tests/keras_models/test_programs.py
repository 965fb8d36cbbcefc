"""Whatever hooks do to a Keras model, fused executions leave what single steps leave, and Keras."""

from functools import partial

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.keras_models.kinds import everything
from tests.programs import DEEDS, Action, Programmed, deeds_on, ended, programs, random

import callbax as cb
from callbax._modules._keras_training import KerasTraining

ROWS, BATCH, EPOCHS = 43, 4, 2  # 11 batches an epoch, the last one of 3 rows
BATCHES = -(-ROWS // BATCH)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 6, 6, 1)).astype("float32")
Y = RNG.normal(size=(ROWS, 1)).astype("float32")
FIT = {"batch_size": BATCH, "epochs": EPOCHS, "shuffle": False, "verbose": 0}


def read_optimizer(model):
    slots = [np.array(v.value).tobytes() for v in model.optimizer.variables]
    return float(model.optimizer.learning_rate), slots


def change_layer(model):
    kernel = model.layers[-1].kernel
    kernel.assign(kernel.value * 0.9)


ACTIONS = {
    **DEEDS,
    **deeds_on(X, Y),
    "read optimizer": read_optimizer,
    "read layer": lambda model: np.array(model.layers[-1].kernel.value).tobytes(),
    "change layer": change_layer,
}
ALONE = set(ACTIONS) - {"call"}  # it moves the layers' seeds
WITH_KERAS = ALONE - {"evaluate", "predict", "train on batch", "raise", "interrupt"}
"""What Keras allows in the middle of an epoch without disturbing its own logs."""


class Program(Programmed, keras.callbacks.Callback):
    """The same for Keras's own loop too."""


def small_cnn():
    """Batch statistics, a seed, a regularizer: state beside the weights, and random draws."""
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3, activation="relu", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(0.002, momentum=0.9), "mse", metrics=["mae"])
    return model


@pytest.fixture(scope="module")
def start():
    keras.utils.set_random_seed(3)
    model = small_cnn()
    model.optimizer.build(model.trainable_variables)
    return everything(model)


@pytest.fixture(scope="module")
def models(start):
    """One model for Keras and one for callbax, so that each program is compiled once."""
    return small_cnn(), cb.Model(small_cnn())


def run(model, fit, start, actions):
    """Runs a program from the start; returns all there is to see."""
    model.optimizer.build(model.trainable_variables)
    for variable, value in zip((*model.variables, *model.optimizer.variables), start, strict=True):
        variable.assign(value)
    program = Program(actions, ACTIONS)
    ended(partial(fit, X, Y, **FIT), program)
    return program.trace, [array.tobytes() for array in everything(model)]


@pytest.mark.one_device("the bits of Keras on one device are compared")
@random(60)
@given(actions=programs(WITH_KERAS, EPOCHS, BATCHES))
def test_hooks_see_and_do_what_they_see_and_do_in_keras(models, start, actions):
    theirs, ours = models
    expected = run(theirs, theirs.fit, start, actions)
    received = run(ours.module, ours.fit, start, actions)
    for what, one, other in zip(("trace", "state"), expected, received, strict=True):
        assert one == other, f"{what} differs from Keras's own"


@random(60)
@given(actions=programs(ALONE, EPOCHS, BATCHES), steps=st.sampled_from((None, 2, 3, 5, 256)))
def test_fused_executions_equal_single_steps(models, start, actions, steps):
    _, model = models
    seen = []
    for number in (1, steps):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(KerasTraining, "steps_per_execution", number)
            seen.append(run(model.module, model.fit, start, actions))
    assert seen[0] == seen[1], f"differs between one step and {steps or 'auto'} at a time"


def test_a_program_that_changes_nothing_else_would_be_seen(models, start):
    """Negative control: the comparison sees one changed weight."""
    _, model = models
    plain = run(model.module, model.fit, start, [])
    changed = run(model.module, model.fit, start, [Action("change layer", "end", 0, 5)])
    assert plain[1] != changed[1]
