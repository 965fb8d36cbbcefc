"""Validation inside `fit`: which data, how much of them, when, and what is reported."""

import pytest
from tests.parity._actions import raising
from tests.parity._models import Model
from tests.parity._run import Case, check, rows

WEIGHTED = Model(weighted_metrics=("mse",))

CASES = [
    Case(
        "validation_data",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=4,
            epochs=2,
            validation_data=run.xy(5, 10),
            validation_steps=None,
        ),
    ),
    Case(
        "validation_data with weights",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, validation_data=run.xyw(5, 10)),
        WEIGHTED,
    ),
    Case(
        "validation_batch_size",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, validation_data=run.xy(5, 10), validation_batch_size=2
        ),
    ),
    Case(
        "validation_split",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, validation_split=0.3),
    ),
    Case(
        "validation_split with sample_weight",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, sample_weight=run.xyw(10)[2], validation_split=0.3
        ),
        WEIGHTED,
    ),
    Case(
        "validation_data wins over validation_split",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, validation_split=0.5, validation_data=run.xy(5, 10)
        ),
    ),
    Case(
        "validation_freq 2",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, epochs=5, validation_data=run.xy(5, 10), validation_freq=2
        ),
    ),
    Case(
        "validation_freq list",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=4,
            epochs=4,
            validation_data=run.xy(5, 10),
            validation_freq=[1, 4],
        ),
    ),
    Case(
        "validation_steps",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=2,
            epochs=3,
            validation_data=run.xy(9, 10),
            validation_batch_size=2,
            validation_steps=2,
        ),
    ),
    Case(
        "endless validation_data with validation_steps",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=4,
            epochs=3,
            validation_data=run.endless(8, 4),
            validation_steps=2,
        ),
    ),
    Case(
        "endless validation_data that does not start again",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=4,
            epochs=3,
            validation_data=run.endless(10, 4),
            validation_steps=2,
        ),
        differs="Keras starts every validation with the two batches it peeked at (as in defect "
        "j); callbax goes on where the generator stands.",
    ),
    Case(
        "re-iterable validation_data with validation_steps",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=4,
            epochs=3,
            validation_data=run.reiterable(10, 4),
            validation_steps=2,
        ),
    ),
    Case(
        "re-iterable validation_data, each time cut short by a hook",
        lambda run: run.fit(
            *run.xy(10),
            batch_size=4,
            epochs=3,
            validation_data=run.reiterable(10, 4),
            callbacks=[run.when("on_test_batch_end", raising("stop_evaluating"), 0)],
        ),
    ),
    Case(
        "validation_steps beyond the data",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, epochs=2, validation_data=run.xy(5, 10), validation_steps=4
        ),
    ),
    Case(
        "re-iterable validation_data",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, epochs=2, validation_data=run.reiterable(6, 4)
        ),
    ),
    Case(
        "validation with initial_epoch and freq",
        lambda run: run.fit(
            *run.xy(8),
            batch_size=4,
            epochs=5,
            initial_epoch=2,
            validation_data=run.xy(4, 10),
            validation_freq=2,
        ),
    ),
]


@pytest.mark.parametrize("steps_per_execution", ["auto", 3])
@pytest.mark.parametrize("case", rows(CASES))
def test_validation_leaves_the_trace_of_keras(case, steps_per_execution):
    check(case, steps_per_execution)
