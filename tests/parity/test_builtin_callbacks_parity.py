"""Built-in callbacks that steer a fit steer it as Keras's do."""

import numpy as np
import pytest
from tests.parity._models import Model
from tests.parity._run import Case, check, rows


def fit_with(make):
    """A script: five epochs with validation, and callbacks made by the library at hand."""
    return lambda run: run.fit(
        *run.xy(10),
        batch_size=4,
        epochs=5,
        validation_data=run.xy(6, 10),
        callbacks=make(run.lib.callbacks),
    )


CASES = [
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
            callbacks=[run.lib.callbacks.TerminateOnNaN()],
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


@pytest.mark.parametrize("case", rows(CASES))
def test_built_in_callbacks_steer_as_in_keras(case):
    check(case)
