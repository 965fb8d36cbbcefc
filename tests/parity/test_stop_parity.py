"""Stop flags and errors raised in any hook end a run where they end it in Keras."""

import pytest
from tests.parity._actions import PREDICT_HOOKS, TEST_HOOKS, TRAIN_HOOKS, failing, fit_with, raising
from tests.parity._run import Case, check, rows

FLAGS = (
    [
        Case(f"{flag} in {hook} of fit", fit_with(hook, raising(flag), at))
        for flag in ("stop_training", "stop_evaluating")
        for hook, at in (TRAIN_HOOKS | TEST_HOOKS).items()
    ]
    + [
        Case(
            f"stop_evaluating in {hook} of evaluate",
            lambda run, hook=hook, at=at: run.evaluate(
                *run.xy(10),
                batch_size=4,
                callbacks=[run.when(hook, raising("stop_evaluating"), at)],
            ),
        )
        for hook, at in TEST_HOOKS.items()
    ]
    + [
        Case(
            f"stop_predicting in {hook} of predict",
            lambda run, hook=hook, at=at: run.predict(
                run.xy(10)[0],
                batch_size=4,
                callbacks=[run.when(hook, raising("stop_predicting"), at)],
            ),
        )
        for hook, at in PREDICT_HOOKS.items()
    ]
    + [
        Case(
            "a stop does not outlive its fit",
            lambda run: (
                run.fit(
                    *run.xy(10),
                    batch_size=4,
                    epochs=3,
                    callbacks=[run.when("on_train_batch_end", raising("stop_training"), 0)],
                ),
                run.note("stop_training", run.model.stop_training),
                run.fit(*run.xy(10), batch_size=4, epochs=2),
                run.note("stop_training", run.model.stop_training),
            ),
        ),
        Case(
            "a stop in the middle of a generator draws nothing more",
            lambda run: stop_and_look_at_the_source(run),
        ),
    ]
)


def stop_and_look_at_the_source(run):
    source = run.batches(40, 4)
    run.fit(
        source,
        epochs=2,
        steps_per_epoch=4,
        callbacks=[run.when("on_train_batch_end", raising("stop_training"), 1)],
    )


def fit_look_and_fit_again(hook, at, error):
    """A script: a hook raises; history and weights are readable; the next fit is sound."""

    def script(run):
        fit_with(hook, failing(error), at)(run)
        run.note_history()
        run.finish()
        run.fit(*run.xy(10), batch_size=4)

    return script


ERRORS = [
    Case(f"{error.__name__} in {hook}", fit_look_and_fit_again(hook, at, error))
    for hook, at, error in (
        *((hook, at, ValueError) for hook, at in (TRAIN_HOOKS | TEST_HOOKS).items()),
        ("on_epoch_begin", 1, RuntimeError),
        ("on_epoch_end", 1, ZeroDivisionError),
        ("on_train_batch_end", 2, KeyboardInterrupt),
        ("on_test_batch_end", 1, KeyboardInterrupt),
    )
]


@pytest.mark.parametrize("steps_per_execution", ["auto", 3])
@pytest.mark.parametrize("case", rows(FLAGS + ERRORS))
def test_a_run_ends_where_it_ends_in_keras(case, steps_per_execution):
    check(case, steps_per_execution)
