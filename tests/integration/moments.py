"""A run with dropout, shuffling and hooks that write, and what an observer saw of it."""

import jax
import numpy as np
from flax import nnx

import callbax as cb
from callbax.callbacks import Callback

RNG = np.random.default_rng(0)
X = RNG.normal(size=(61, 6)).astype("float32")
Y = RNG.normal(size=(61, 1)).astype("float32")
FIT = {"x": X, "y": Y, "batch_size": 8, "epochs": 5, "verbose": 0}


class Net(nnx.Module):
    def __init__(self, rngs):
        self.first, self.norm = nnx.Linear(6, 16, rngs=rngs), nnx.BatchNorm(16, rngs=rngs)
        self.dropout, self.last = nnx.Dropout(0.3, rngs=rngs), nnx.Linear(16, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(nnx.relu(self.norm(self.first(x)))))


class Meddle(Callback):
    """Writes weights and the rate within epochs."""

    execution = "fused"

    def on_train_batch_begin(self, batch, logs=None):
        if batch % 5 == 2:
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) * 0.9

    def on_train_batch_end(self, batch, logs=None):
        if batch % 3 == 1:
            self.model.set_weights([weight * 0.99 for weight in self.model.get_weights()])


class Observe(Callback):
    """Notes what a hook sees: first in the list at ends, last of all at begins."""

    execution = "fused"

    def __init__(self, hook):
        self.seen, self.epoch = {}, 0
        setattr(self, hook, self.note)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        pass

    def on_train_batch_end(self, batch, logs=None):
        pass

    def note(self, batch, logs=None):
        self.seen[self.epoch, batch] = arrays(self.model._engine.read())


class Interrupt(Callback):
    execution = "fused"

    def __init__(self, epoch, batch):
        self.at, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise InterruptedError


def arrays(state):
    parts = state.params, state.stats, state.optimizer, state.random, state.learning_rate
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(parts)]


def model(loss="mse"):
    net = cb.Model(Net(nnx.Rngs(0)), seed=1)
    net.compile(cb.optimizers.Adam(0.01), loss, metrics=["mae"])
    return net


def trained(*callbacks, **changes):
    net = model()
    return net, net.fit(**{**FIT, **changes}, callbacks=list(callbacks))
