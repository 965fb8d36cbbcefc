"""Kinds of scripts that are killed: each makes everything afresh and runs to its end.

Each model holds a ledger: the row numbers of every batch it was trained on, in order, as a part of
its own state. So it tells what the weights that came out were trained on, whatever lives before
the last have done.
"""

import importlib
import os
from pathlib import Path

import jax.numpy as jnp
import keras
import numpy as np
from flax import nnx

import callbax as cb

ROWS, BATCH, EPOCHS, FEATURES = 22, 4, 4, 3  # six batches in a pass, the last one of 2
STEPS = EPOCHS * -(-ROWS // BATCH)
RNG = np.random.default_rng(0)
NUMBERS = np.arange(ROWS, dtype="float32")[:, None]
X = np.concatenate([NUMBERS, RNG.normal(size=(ROWS, FEATURES)).astype("float32")], axis=1)
Y = RNG.normal(size=(ROWS, 1)).astype("float32")
LABELS = RNG.integers(0, 3, ROWS).astype("int32")


class Ledger(nnx.Module):
    """Takes the first column away, and keeps it while it is trained."""

    def __init__(self):
        self.deterministic = False
        self.rows = nnx.BatchStat(jnp.full((2 * STEPS, BATCH), -1, "int32"))
        self.steps = nnx.BatchStat(jnp.zeros((), "int32"))

    def __call__(self, x):
        if not self.deterministic:
            numbers = x[:, 0].astype("int32")
            row = jnp.full(BATCH, -1, "int32").at[: len(numbers)].set(numbers)
            self.rows[...] = self.rows[...].at[self.steps[...]].set(row)
            self.steps[...] = self.steps[...] + 1
        return x[:, 1:]


class Net(nnx.Module):
    def __init__(self, outputs=1):
        rngs = nnx.Rngs(1)
        self.ledger = Ledger()
        self.first = nnx.Linear(FEATURES, 6, rngs=rngs)
        self.norm = nnx.BatchNorm(6, rngs=rngs)
        self.drop = nnx.Dropout(0.3, rngs=rngs)
        self.last = nnx.Linear(6, outputs, rngs=rngs)

    def __call__(self, x):
        return self.last(self.drop(nnx.relu(self.norm(self.first(self.ledger(x))))))


def net(outputs=1, optimizer=None, loss="mse", metric="mae"):
    model = cb.Model(Net(outputs), seed=3)
    model.compile(optimizer or cb.optimizers.Adam(0.01), loss, metrics=[metric])
    return model


def cnn():
    keras.utils.set_random_seed(1)
    layers = keras.layers
    parts = [
        keras.Input((1 + FEATURES,)),
        layers.Rescaling([1 / ROWS, 1.0, 1.0, 1.0]),
        layers.Reshape((2, 2, 1)),
        layers.Conv2D(3, 2),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Flatten(),
        layers.Dense(1),
    ]
    inner = keras.Sequential(parts)
    inner.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return cb.Model(inner, seed=3)


def slices(order):
    for first in range(0, ROWS, BATCH):
        rows = order[first : first + BATCH]
        yield X[rows], Y[rows]


def endless():
    rng = np.random.default_rng(3)
    while True:
        yield from slices(rng.permutation(ROWS))


def unrepeatable():
    """Not replayable: each process draws another order."""
    rng = np.random.default_rng(int.from_bytes(os.urandom(8)))
    while True:
        yield from slices(rng.permutation(ROWS))


class Shuffling:
    def __init__(self):
        self.rng = np.random.default_rng(3)

    def __iter__(self):
        yield from slices(self.rng.permutation(ROWS))


class Numbered(cb.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.rng, self.order = np.random.default_rng(3), np.arange(ROWS)

    def __len__(self):
        return -(-ROWS // BATCH)

    def __getitem__(self, index):
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.rng.shuffle(self.order)


class Forgetful(cb.callbacks.Callback):
    """Lowers the rate by a count that no backup holds."""

    execution = "fused"

    def __init__(self):
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        self.model.optimizer.learning_rate = 0.01 / self.count


def torch_loader():
    torch = importlib.import_module("torch.utils.data")
    pairs = list(zip(X, Y, strict=True))
    order = importlib.import_module("torch").Generator().manual_seed(3)
    return torch.DataLoader(pairs, BATCH, shuffle=True, generator=order)


def stateful_loader():
    loaders = importlib.import_module("torchdata.stateful_dataloader")
    pairs = list(zip(X, Y, strict=True))
    order = importlib.import_module("torch").Generator().manual_seed(3)
    return loaders.StatefulDataLoader(pairs, BATCH, shuffle=True, generator=order)


def grain_set():
    grain = importlib.import_module("grain")
    source = grain.MapDataset.source(list(zip(X, Y, strict=True)))
    return source.seed(3).shuffle().batch(BATCH).repeat()


def stateful(directory):
    callbacks = cb.callbacks
    return [
        callbacks.EarlyStopping(patience=None, min_delta=0.01, restore_best_weights=True),
        callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0, factor=0.5),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        callbacks.SwapEMAWeights(),
        callbacks.ModelCheckpoint(
            directory / "best" / "{epoch}.weights.h5", save_best_only=True, save_weights_only=True
        ),
        callbacks.CSVLogger(directory / "log.csv"),
        callbacks.TensorBoard(directory / "logs", update_freq=1, write_graph=False),
    ]


ARRAYS = {"x": X, "y": Y, "batch_size": BATCH}
BATCHES = {"steps_per_epoch": -(-ROWS // BATCH)}
CHECKED = {"validation_data": (X[:8], Y[:8])}


def no_callbacks(directory):
    return []


EMA = {"use_ema": True, "ema_momentum": 0.8}
KINDS = {
    "arrays": (net, lambda: {**ARRAYS, **CHECKED}, no_callbacks),
    "class weights and a split": (
        lambda: net(3, loss="sparse_categorical_crossentropy", metric="accuracy"),
        lambda: {
            **ARRAYS,
            "y": LABELS,
            "class_weight": {0: 1.0, 1: 2.0, 2: 0.5},
            "validation_split": 0.3,
        },
        no_callbacks,
    ),
    "a CNN of Keras": (cnn, lambda: {**ARRAYS, **CHECKED}, no_callbacks),
    "a generator": (net, lambda: {"x": endless(), **BATCHES, **CHECKED}, no_callbacks),
    "an iterable that shuffles": (net, lambda: {"x": Shuffling(), **CHECKED}, no_callbacks),
    "a PyDataset": (net, lambda: {"x": Numbered(), **CHECKED}, no_callbacks),
    "validation from a generator": (
        net,
        lambda: {**ARRAYS, "validation_data": endless(), "validation_steps": 2},
        no_callbacks,
    ),
    "all stateful callbacks": (
        lambda: net(optimizer=cb.optimizers.SGD(0.01, momentum=0.9, **EMA)),
        lambda: {**ARRAYS, **CHECKED},
        stateful,
    ),
    "two fits": (net, lambda: {**ARRAYS, "epochs": EPOCHS // 2, "fits": 2}, no_callbacks),
}
LOADERS = {
    "a torch loader": (net, lambda: {"x": torch_loader(), **CHECKED}, no_callbacks),
    "a stateful torch loader": (net, lambda: {"x": stateful_loader(), **CHECKED}, no_callbacks),
    "grain": (net, lambda: {"x": grain_set(), **BATCHES, **CHECKED}, no_callbacks),
}
"""Sources of other packages, which only the environment of `make thirdparty` has."""
CONTROLS = {
    "a callback that forgets": (net, lambda: {**ARRAYS}, lambda directory: [Forgetful()]),
    "a source that cannot be replayed": (
        net,
        lambda: {"x": unrepeatable(), **BATCHES},
        no_callbacks,
    ),
}


def backup(directory, callbacks):
    keeper = cb.callbacks.BackupAndRestore(directory / "backup", save_freq=1)
    return {"callbacks": [*callbacks, keeper]}


def checkpoint(directory, callbacks):
    resume = cb.callbacks.Checkpoint(directory / "run", save_freq=3)
    return {"callbacks": callbacks, "resume": resume}


RESUMABLE = {"BackupAndRestore": backup, "resume": checkpoint}
"""How a run is made resumable -> (directory, callbacks) -> arguments of ``fit``."""


def run(kind, directory, resumable, watch=()):
    """Runs a script to its end; returns all that it ends with.

    Args:
        kind: A key of `KINDS`, `LOADERS` or `CONTROLS`.
        directory: Where it keeps its files.
        resumable: A key of `RESUMABLE`.
        watch: More callbacks, which kill or tell.
    """
    directory = Path(directory)
    cb.utils.set_random_seed(5)
    make_model, make_data, make_callbacks = {**KINDS, **LOADERS, **CONTROLS}[kind]
    model, callbacks, data = make_model(), make_callbacks(directory), make_data()
    history = cb.callbacks.History()
    given = [*callbacks, history, *watch]
    for _ in range(data.pop("fits", 1)):
        keep = RESUMABLE[resumable](directory, given)
        model.fit(**{"epochs": EPOCHS, "verbose": 0, **data, **keep})
    states = {type(c).__name__: c.state_dict() for c in callbacks if hasattr(c, "state_dict")}
    for own in ("files", "token"):  # each script has files of its own
        states.get("TensorBoard", {}).pop(own, None)
    log = directory / "log.csv"
    if hasattr(model, "file_contents"):
        optimizer = model.file_contents().optimizer
    else:
        optimizer = model.optimizer.variables
    return {
        "weights": [np.asarray(weight) for weight in model.get_weights()],
        "optimizer": [np.asarray(array) for array in optimizer],
        "history": history.history if kind != "two fits" else model.history.history,
        "states": states,
        "log": log.read_text() if log.exists() else None,
        "rows": [np.asarray(w) for w in model.get_weights() if w.shape == (2 * STEPS, BATCH)],
    }
