"""Whatever hooks do to a Keras model, fused executions leave what single steps leave, and Keras."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.keras_models.kinds import everything

import callbax as cb
from callbax._modules._keras_training import KerasTraining

ROWS, BATCH, EPOCHS = 43, 4, 2  # 11 batches an epoch, the last one of 3 rows
BATCHES = -(-ROWS // BATCH)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 6, 6, 1)).astype("float32")
Y = RNG.normal(size=(ROWS, 1)).astype("float32")
FIT = {"batch_size": BATCH, "epochs": EPOCHS, "shuffle": False, "verbose": 0}

WITH_KERAS = (
    "read weights",
    "set weights",
    "set learning rate",
    "read optimizer",
    "read layer",
    "change layer",
    "stop",
)
"""What Keras allows in the middle of an epoch without disturbing its own logs."""
ALONE = (*WITH_KERAS, "evaluate", "predict", "train on batch", "raise", "interrupt")


@dataclass(frozen=True)
class Action:
    what: str
    hook: str
    epoch: int
    batch: int


class Program(keras.callbacks.Callback):
    """Does what a random program says, and writes down all that it sees."""

    execution = "fused"  # both batch hooks are overridden, but nothing here measures time

    def __init__(self, actions):
        super().__init__()
        self.actions, self.trace, self.epoch = actions, [], 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.note("epoch end", epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.act("begin", batch)

    def on_train_batch_end(self, batch, logs=None):
        self.note("end", batch, logs)
        self.act("end", batch)

    def note(self, hook, number, logs):
        self.trace.append((hook, self.epoch, number, {k: float(v) for k, v in logs.items()}))

    def act(self, hook, batch):
        for action in self.actions:
            if (action.hook, action.epoch, action.batch) == (hook, self.epoch, batch):
                self.perform(action.what)

    def perform(self, what):
        model = self.model
        layer = model.layers[-1]
        if what == "read weights":
            self.trace.append([w.tobytes() for w in model.get_weights()])
        elif what == "set weights":
            model.set_weights([w * np.float32(0.9) for w in model.get_weights()])
        elif what == "set learning rate":
            model.optimizer.learning_rate = float(model.optimizer.learning_rate) * 0.5
        elif what == "read optimizer":
            slots = [np.array(v.value).tobytes() for v in model.optimizer.variables]
            self.trace.append((float(model.optimizer.learning_rate), slots))
        elif what == "read layer":
            self.trace.append(np.array(layer.kernel.value).tobytes())
        elif what == "change layer":
            layer.kernel.assign(layer.kernel.value * 0.9)
        elif what == "evaluate":
            self.trace.append(model.evaluate(X, Y, batch_size=16, verbose=0))
        elif what == "predict":
            self.trace.append(model.predict(X[:9], batch_size=4, verbose=0).tobytes())
        elif what == "train on batch":
            self.trace.append(model.train_on_batch(X[:4], Y[:4]))
        elif what == "stop":
            model.stop_training = True
        elif what == "raise":
            raise RuntimeError("as the program says")
        elif what == "interrupt":
            raise KeyboardInterrupt


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
    program = Program(actions)
    try:
        fit(X, Y, callbacks=[program], **FIT)
    except (RuntimeError, KeyboardInterrupt) as error:
        program.trace.append(type(error).__name__)
    return program.trace, [array.tobytes() for array in everything(model)]


def programs(actions):
    return st.lists(
        st.builds(
            Action,
            what=st.sampled_from(actions),
            hook=st.sampled_from(("begin", "end")),
            epoch=st.integers(0, EPOCHS - 1),
            batch=st.integers(0, BATCHES - 1),
        ),
        max_size=6,
    )


random = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@random
@given(actions=programs(WITH_KERAS))
def test_hooks_see_and_do_what_they_see_and_do_in_keras(models, start, actions):
    theirs, ours = models
    expected = run(theirs, theirs.fit, start, actions)
    received = run(ours.module, ours.fit, start, actions)
    for what, one, other in zip(("trace", "state"), expected, received, strict=True):
        assert one == other, f"{what} differs from Keras's own"


@random
@given(actions=programs(ALONE), steps=st.sampled_from((None, 2, 3, 5, 256)))
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
