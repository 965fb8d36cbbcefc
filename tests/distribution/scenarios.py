"""What processes of one cluster do in tests: run ``python scenarios.py NUMBER COUNT PORT DIRECTORY
NAME...``; each scenario leaves ``NAME-NUMBER.json`` in the directory."""

import csv
import faulthandler
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path

import jax
import numpy as np
from flax import nnx

import callbax as cb
from callbax.distribution import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    initialize,
    set_distribution,
)

DEVICES, ROWS, BATCH, EPOCHS = 4, 50, 12, 3
LIMIT_SECONDS = 120
"""After which a scenario is given up."""
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 8)).astype("float32")
Y = RNG.normal(size=(ROWS, 1)).astype("float32")


class Net(nnx.Module):
    def __init__(self, seed=1):
        rngs = nnx.Rngs(seed)
        self.first = nnx.Linear(8, 16, rngs=rngs)
        self.norm = nnx.BatchNorm(16, rngs=rngs)
        self.drop = nnx.Dropout(0.3, rngs=rngs)
        self.last = nnx.Linear(16, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.drop(nnx.relu(self.norm(self.first(x)))))


def layouts(mesh, *, batch=None):
    """Rules of tensor parallelism, and with the name of the batch's dimension of FSDP too."""
    rules = LayoutMap(mesh)
    rules["first/kernel"] = (batch, "model")
    rules["first/bias"] = ("model",)
    rules["last/kernel"] = ("model",)
    return ModelParallel(layout_map=rules)


DISTRIBUTIONS = {
    "dp": DataParallel,
    "fsdp": lambda: DataParallel(shard_state=True),
    "tp": lambda: layouts(DeviceMesh((2, 2), ("batch", "model"))),
    "tp and fsdp": lambda: layouts(DeviceMesh((2, 2), ("batch", "model")), batch="batch"),
}


def compiled(kind="dp", *, patience=30, seed=1):
    distribution = DISTRIBUTIONS[kind]()
    distribution.patience = patience
    model = cb.Model(Net(seed), seed=3, distribution=distribution)
    model.compile(cb.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"])
    return model


FIT = {"batch_size": BATCH, "epochs": EPOCHS, "verbose": 0}


class Changing(cb.callbacks.Callback):
    """Reads and writes weights in the middle of executions, and the rate, in every process."""

    def on_train_batch_end(self, batch, logs=None):
        if batch in (1, 2):
            self.model.set_weights([1.01 * w for w in self.model.get_weights()])
        if batch == 3:
            self.model.optimizer.learning_rate *= 0.5


class At(cb.callbacks.Callback):
    """Does something at one batch."""

    def __init__(self, epoch, batch, action):
        super().__init__()
        self.at, self.action, self.epoch = (epoch, batch), action, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            self.action(self.model)


class Count(cb.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1


def ends_of(model, history):
    return {
        "history": history.history,
        "weights": [w.tolist() for w in model.get_weights()],
        "predicted": model.predict(X, verbose=0).tolist(),
        "traces": model._engine.traces(),
    }


def parity(kind, *, process, processes, directory):
    """Arrays, validation, hooks that change the state."""
    model = compiled(kind)
    history = model.fit(X, Y, validation_data=(X[:10], Y[:10]), callbacks=[Changing()], **FIT)
    return ends_of(model, history)


def shares(*, process, processes, directory, short=0):
    """Every process yields its share of each batch; the last one is uneven."""

    class Source:
        def __iter__(self):
            for first in range(0, ROWS, BATCH):
                rows = np.array_split(np.arange(first, min(first + BATCH, ROWS)), processes)[
                    process
                ]
                yield X[rows], Y[rows]

    model = compiled()
    return ends_of(model, model.fit(Source(), epochs=2, verbose=0))


def received(fit, model):
    """Returns the error that a fit ends with, and the batches that it had done."""
    count = Count()
    try:
        fit([count])
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    else:
        said = {"error": None}
    return said | {
        "batches": count.batches,
        "usable": bool(np.isfinite(model.get_weights()[0]).all()),
    }


def one_sided(action, *, process, patience=30, at=(1, 2), who=1):
    """One process does something at a batch; returns how the fit ends in each."""
    model = compiled(patience=patience)
    own = [At(*at, action if process == who else lambda model: None)]
    return received(lambda more: model.fit(X, Y, callbacks=[*own, *more], **FIT), model)


def stop(model):
    model.stop_training = True


def fail(model):
    raise ArithmeticError("of this process alone")


def stop_from_one(*, process, processes, directory):
    return one_sided(stop, process=process)


def stop_from_all(*, process, processes, directory):
    model = compiled()
    return received(lambda more: model.fit(X, Y, callbacks=[At(1, 2, stop), *more], **FIT), model)


def error_in_one(*, process, processes, directory):
    return one_sided(fail, process=process)


def error_before_training(*, process, processes, directory):
    class Begins(cb.callbacks.Callback):
        def on_train_begin(self, logs=None):
            if process == 1:
                raise ArithmeticError("of this process alone")

    model = compiled()
    return received(lambda more: model.fit(X, Y, callbacks=[Begins(), *more], **FIT), model)


def error_between_epochs(*, process, processes, directory):
    class Ends(cb.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if process == 1 and epoch == 1:
                raise ArithmeticError("of this process alone")

        def on_epoch_begin(self, epoch, logs=None):
            pass

    model = compiled()
    return received(lambda more: model.fit(X, Y, callbacks=[Ends(), *more], **FIT), model)


def error_at_the_begin_of_an_epoch(*, process, processes, directory):
    class Begins(cb.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if process == 1 and epoch == 1:
                raise ArithmeticError("of this process alone")

    model = compiled()
    return received(lambda more: model.fit(X, Y, callbacks=[Begins(), *more], **FIT), model)


def one_sided_read(*, process, processes, directory):
    model = compiled()
    model.compile("sgd", "mse", steps_per_execution=4)
    own = (
        [At(1, 1, lambda model: model.get_weights())]
        if process == 1
        else [At(1, 1, lambda m: None)]
    )
    return received(lambda more: model.fit(X, Y, callbacks=[*own, *more], **FIT), model)


def one_sided_write(*, process, processes, directory):
    def change(model):
        model.optimizer.learning_rate = 0.5

    return one_sided(change, process=process)


def one_that_hangs(*, process, processes, directory):
    return one_sided(lambda model: time.sleep(8), process=process, patience=3)


def _source(process, at, action):
    class Source:
        def __iter__(self):
            for number in range(6):
                if process == 1 and number == at:
                    action()
                    return
                yield X[:6], Y[:6]

    return Source()


def source_that_ends_early(*, process, processes, directory):
    model, source = compiled(), _source(process, 4, lambda: None)
    return received(lambda more: model.fit(source, callbacks=more, epochs=2, verbose=0), model)


def source_that_fails(*, process, processes, directory):
    def action():
        raise OSError("cannot read")

    model, source = compiled(), _source(process, 3, action)
    return received(lambda more: model.fit(source, callbacks=more, epochs=2, verbose=0), model)


def arrays_that_differ(*, process, processes, directory):
    model = compiled()
    return received(lambda more: model.fit(X + process, Y, callbacks=more, **FIT), model)


def seeds_that_differ(*, process, processes, directory):
    model = compiled(seed=process)
    return received(lambda more: model.fit(X, Y, callbacks=more, **FIT), model)


def callbacks_that_differ(*, process, processes, directory):
    model = compiled()
    own = [At(0, 0, lambda model: None)] * process
    return received(lambda more: model.fit(X, Y, callbacks=[*own, *more], **FIT), model)


def no_distribution(*, process, processes, directory):
    try:
        cb.Model(Net())
    except RuntimeError as error:
        return {"error": str(error)}
    return {"error": None}


def recorder(*, process, processes, directory):
    model = compiled()
    own = cb.callbacks.Recorder(Path(directory, "recorded"))
    return received(lambda more: model.fit(X, Y, callbacks=[own, *more], **FIT), model)


def writers(*, process, processes, directory):
    """Every callback that writes, in all processes: one of them does."""
    here = Path(directory, "written")
    model = compiled("fsdp")
    callbacks = [
        cb.callbacks.ModelCheckpoint(here / "{epoch}.weights.h5", save_weights_only=True),
        cb.callbacks.CSVLogger(here / "log.csv"),
        cb.callbacks.TensorBoard(here / "logs", update_freq=1, write_graph=False),
        cb.callbacks.BackupAndRestore(here / "backup", delete_checkpoint=False),
        cb.callbacks.OrbaxCheckpoint(here / "orbax"),
    ]
    here.mkdir(exist_ok=True)
    model.fit(X, Y, callbacks=callbacks, **FIT)
    with open(here / "log.csv", encoding="utf-8") as file:
        rows = len(list(csv.DictReader(file)))
    return {"rows": rows, "weights": [w.tolist() for w in model.get_weights()]}


def interrupted(*, process, processes, directory):
    """SIGTERM reaches one process: all end at the same batch, and continue from there."""

    def terminate(model):
        if process == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    model, count = compiled(), Count()
    run = Path(directory, "terminated")
    status = None
    try:
        callbacks = [At(1, 1, terminate), count]
        model.fit(X, Y, callbacks=callbacks, resume=run, **FIT)
    except SystemExit as exit_:
        status = exit_.code
    again, more = compiled(), Count()
    history = again.fit(X, Y, callbacks=[more], resume=run, **FIT)
    return ends_of(again, history) | {
        "status": status,
        "batches": [count.batches, more.batches],
    }


def resumed(*, process, processes, directory, kill=None):
    """A run that can be killed at a batch, by ``CALLBAX_KILL=PROCESS``."""
    model = compiled(os.environ.get("CALLBAX_KIND", "dp"))
    callbacks = []
    if os.environ.get("CALLBAX_KILL") == str(process):
        callbacks = [At(1, 2, lambda model: os.kill(os.getpid(), signal.SIGKILL))]
    else:
        callbacks = [At(1, 2, lambda model: None)]
    history = model.fit(X, Y, callbacks=callbacks, resume=record(directory), **FIT)
    return ends_of(model, history)


def record(directory):
    """Where `resumed` keeps its run, in the format that ``CALLBAX_FORMAT`` says."""
    form = os.environ.get("CALLBAX_FORMAT", "hdf5")
    return cb.callbacks.Checkpoint(Path(directory, "run"), save_freq=2, format=form)


SCENARIOS = {
    **{f"parity {kind}": functools.partial(parity, kind) for kind in DISTRIBUTIONS},
    **{
        scenario.__name__: scenario
        for scenario in (
            shares,
            stop_from_one,
            stop_from_all,
            error_in_one,
            error_before_training,
            error_between_epochs,
            error_at_the_begin_of_an_epoch,
            one_sided_read,
            one_sided_write,
            one_that_hangs,
            source_that_ends_early,
            source_that_fails,
            arrays_that_differ,
            seeds_that_differ,
            callbacks_that_differ,
            no_distribution,
            recorder,
            writers,
            interrupted,
            resumed,
        )
    },
}


def main(number, count, port, directory, *names):
    process, processes = int(number), int(count)
    jax.config.update("jax_num_cpu_devices", DEVICES // processes)
    jax.config.update("jax_compilation_cache_dir", str(Path(directory, "compiled")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    initialize(f"localhost:{port}", processes, process, timeout=60, heartbeat=10)
    for name in names:
        faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
        began = time.perf_counter()
        cb.utils.set_random_seed(5)
        set_distribution(None)
        result = SCENARIOS[name](process=process, processes=processes, directory=directory)
        result["seconds"] = time.perf_counter() - began
        Path(directory, f"{name}-{process}.json").write_text(json.dumps(result), encoding="utf-8")
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(*sys.argv[1:])
