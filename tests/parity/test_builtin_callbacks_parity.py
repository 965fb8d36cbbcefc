"""Built-in callbacks do what Keras's do in Keras's fit; so do Keras's own in callbax's."""

import os
from tempfile import TemporaryDirectory

import keras
import numpy as np
import orbax.checkpoint
import pytest
from tests.parity._models import EMA, Model
from tests.parity._run import Case, check, rows


def fit(run, *callbacks, **more):
    """Five epochs with validation."""
    arguments = {"batch_size": 4, "epochs": 5, "validation_data": run.xy(6, 10)}
    run.fit(*run.xy(10), **arguments | more, callbacks=callbacks)


def fit_with(make):
    """A script: a fit with callbacks made of those at hand."""
    return lambda run: fit(run, *make(run.callbacks))


STEERING = [
    Case(
        "EarlyStopping that restores the best weights",
        fit_with(lambda c: [c.EarlyStopping("val_loss", patience=1, restore_best_weights=True)]),
    ),
    Case(
        "EarlyStopping that never stops",
        fit_with(lambda c: [c.EarlyStopping("loss", patience=9, restore_best_weights=True)]),
    ),
    Case(
        "LearningRateScheduler",
        fit_with(lambda c: [c.LearningRateScheduler(lambda epoch, rate: rate * 0.5**epoch)]),
        Model(optimizer="momentum"),
    ),
    Case(
        "ReduceLROnPlateau",
        fit_with(lambda c: [c.ReduceLROnPlateau("val_loss", factor=0.5, patience=1)]),
        Model(optimizer="adam"),
    ),
    Case("TerminateOnNaN without NaN", fit_with(lambda c: [c.TerminateOnNaN()])),
    Case(
        "TerminateOnNaN",
        lambda run: run.fit(
            run.xy(10)[0],
            run.xy(10)[1] + np.array([[0.0]] * 6 + [[np.nan]] * 4, "float32"),
            batch_size=4,
            epochs=2,
            callbacks=[run.callbacks.TerminateOnNaN()],
        ),
    ),
    Case(
        "the order of two that add learning_rate",
        fit_with(
            lambda c: [
                c.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=10.0),
                c.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            ]
        ),
    ),
]


def swapping(**options):
    """A script: an evaluation and a fit, noting at every turn which weights are in the model."""
    hooks = ("on_epoch_begin", "on_train_batch_end", "on_test_batch_end", "on_epoch_end")

    def script(run):
        swap = run.callbacks.SwapEMAWeights(**options)
        for _ in range(3):
            run.on_batch("train_on_batch", *run.xy(4))
        run.evaluate(*run.xy(6, 10), callbacks=[swap, *run.note_weights_in("on_test_batch_end")])
        run.note("weights after evaluate", run.model.get_weights())
        fit(run, swap, *run.note_weights_in(*hooks), epochs=3)

    return script


SWAPPING = [
    Case(
        f"SwapEMAWeights(swap_on_epoch={swap_on_epoch}), averaging{options}",
        swapping(swap_on_epoch=swap_on_epoch),
        Model(optimizer=f"averaging{options}"),
    )
    for options in EMA
    for swap_on_epoch in (False, True)
]


def checkpointing(**options):
    """A script: a fit, noting which checkpoints there are then and the weights in each."""

    def script(run):
        with TemporaryDirectory() as directory:
            fit(run, run.callbacks.OrbaxCheckpoint(directory, **options))
            steps = sorted(int(name) for name in os.listdir(directory) if name.isdigit())
            run.note("checkpoints", steps)
            with orbax.checkpoint.v1.training.Checkpointer(directory) as saved:
                for step in steps:
                    run.note(f"in {step}", weights_in(saved.load_checkpointables(step)["pytree"]))

    return script


def weights_in(tree):
    """The weights by name; those of layers and of the model depend on what else was made."""
    ((_, layers),) = tree["trainable_variables"].items()
    return [{name: np.asarray(array) for name, array in layers[key].items()} for key in layers]


def checkpoint_cases(**always):
    options = [
        {},
        {"max_to_keep": 2},
        {"save_on_background": False, "max_to_keep": None},
        {"save_best_only": True, "max_to_keep": None},
        {"save_best_only": True, "monitor": "loss", "mode": "max", "max_to_keep": None},
        {"save_best_only": True, "initial_value_threshold": 0.9, "max_to_keep": None},
        {"save_freq": 2, "max_to_keep": 3},
        {"save_freq": 4, "max_to_keep": None},
    ]
    return [
        Case(f"OrbaxCheckpoint{each | always}", checkpointing(**each | always)) for each in options
    ] + [
        Case(
            f"OrbaxCheckpoint by batch, gradients accumulated {always}",
            checkpointing(save_freq=3, max_to_keep=None, **always),
            Model(optimizer="averaging(0.5, 2, 2)"),
        )
    ]


pytestmark = pytest.mark.filterwarnings("ignore:Sharding info not provided when restoring")


@pytest.mark.every(2)
@pytest.mark.parametrize("case", rows(STEERING + SWAPPING + checkpoint_cases()))
def test_callbax_s_built_in_callbacks_do_what_keras_s_do(case):
    check(case)


@pytest.mark.every(2)
@pytest.mark.parametrize("case", rows(STEERING + checkpoint_cases(save_weights_only=True)))
def test_keras_s_own_do_so_in_callbax_s_fit(case):
    """Without those that docs/compatibility.md says do not work."""
    check(case, callbacks=keras.callbacks)
