"""Random programs of hooks: what property tests of the timeline let callbacks do at batches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st


@dataclass(frozen=True)
class Action:
    """What to do, in which hook of which batch."""

    what: str
    hook: str
    epoch: int
    batch: int


def programs(whats, epochs, batches):
    """Draws lists of actions, in whatever batches and order."""
    action = st.builds(
        Action,
        what=st.sampled_from(sorted(whats)),
        hook=st.sampled_from(("begin", "end")),
        epoch=st.integers(0, epochs - 1),
        batch=st.integers(0, batches - 1),
    )
    return st.lists(action, max_size=6)


def random(examples):
    """Lets hypothesis draw the same examples each time, however long one takes."""
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=slow
    )


def _halve_rate(model):
    model.optimizer.learning_rate = float(model.optimizer.learning_rate) * 0.5


def _stop(model):
    model.stop_training = True


def _raise(model):
    raise RuntimeError("as the program says")


def _interrupt(model):
    raise KeyboardInterrupt


def _set_weights(model):
    model.set_weights([w * w.dtype.type(0.9) for w in model.get_weights()])


DEEDS: Mapping[str, Callable[[Any], Any]] = {
    "read weights": lambda model: [w.tobytes() for w in model.get_weights()],
    "set weights": _set_weights,
    "set learning rate": _halve_rate,
    "stop": _stop,
    "raise": _raise,
    "interrupt": _interrupt,
}
"""Action -> what it does to a model of any kind; what it returns has been seen."""


def deeds_on(x, y):
    """Returns the actions that need data."""
    return {
        "evaluate": lambda model: model.evaluate(x, y, batch_size=16, verbose=0),
        "predict": lambda model: model.predict(x[:9], batch_size=4, verbose=0).tobytes(),
        "call": lambda model: np.asarray(model(x[:4], training=True)).tobytes(),
        "train on batch": lambda model: model.train_on_batch(x[:4], y[:4]),
    }


class Programmed:
    """The hooks of a callback that does what a program says, and writes down all that it sees.

    Mix it into a class of callbacks.

    Args:
        actions: The program.
        deeds: Action -> what it does.
    """

    execution = "fused"  # both batch hooks are overridden, but nothing here measures time

    def __init__(self, actions, deeds):
        super().__init__()
        self.actions, self.deeds, self.trace, self.epoch = actions, deeds, [], 0

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
                self.trace.append(self.deeds[action.what](self.model))


def ended(fit, program):
    """Fits, and writes down in which error it ended, if in one of the program's."""
    try:
        fit(callbacks=[program])
    except (RuntimeError, KeyboardInterrupt) as error:
        program.trace.append(type(error).__name__)
