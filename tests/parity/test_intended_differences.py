"""Where callbax differs on purpose: Keras's number stands beside callbax's."""

import threading

import keras
import numpy as np
import pytest
from tests.parity._models import Model
from tests.parity._run import KERAS_NOISE, SUBJECT, Run, keras_run, subject_run
from tests.parity._trace import INDEXED_HOOKS

pytestmark = [
    pytest.mark.skipif(SUBJECT == "keras", reason="the harness is being run against Keras itself"),
    pytest.mark.filterwarnings(f"ignore:{KERAS_NOISE}:DeprecationWarning"),
]


@pytest.fixture
def both():
    """A run of Keras and one of callbax, with the same model."""
    return keras_run(Model()), subject_run(Model())


def epochs_of(run):
    """The training batches that each epoch finished."""
    epochs = []
    for event in run.trace:
        if event.name == "on_epoch_begin":
            epochs.append([])
        if event.name == "on_train_batch_end":
            epochs[-1].append(event.args[0])
    return epochs


@pytest.mark.parametrize(
    ("start", "hook"),
    [
        (lambda run: run.fit(*run.xy(10), batch_size=4), "on_train_batch_begin"),
        (lambda run: run.fit(run.reiterable(10, 4)), "on_train_batch_begin"),
        (lambda run: run.evaluate(*run.xy(10), batch_size=4), "on_test_batch_begin"),
        (lambda run: run.predict(run.xy(10)[0], batch_size=4), "on_predict_batch_begin"),
    ],
    ids=["fit", "fit, re-iterable", "evaluate", "predict"],
)
def test_logs_of_batch_begin_hold_batch_and_size(both, start, hook):
    """The TF 2.0 guide promises them; Keras 3 gives an empty dict."""
    logs = []
    for run in both:
        start(run)
        logs.append([event.kwargs["logs"] for event in run.trace if event.name == hook])
    assert logs[0] == [{}, {}, {}]
    assert logs[1] == [{"batch": 0, "size": 4}, {"batch": 1, "size": 4}, {"batch": 2, "size": 2}]


def test_a_used_up_generator_is_an_error_instead_of_two_replayed_batches(both):
    """Defect j."""
    theirs, ours = both
    for run in both:
        run.fit(run.batches(28, 4), epochs=3)
    assert [len(batches) for batches in epochs_of(theirs)] == [7, 2, 2]
    assert not theirs.errors
    finished = [len(batches) for batches in epochs_of(ours)]
    assert finished in ([7], [7, 0])
    assert isinstance(ours.errors[0], ValueError)
    assert "used up" in str(ours.errors[0])
    assert "steps_per_epoch" in str(ours.errors[0])


def test_a_single_callback_is_treated_like_a_list_of_one(both):
    """Defect h: Keras skips its check and calls it from other threads, in any order."""
    homes = []
    for run in both:
        home = []

        def end(callback, batch, logs=None, home=home):
            home.append((batch, threading.current_thread() is threading.main_thread()))

        single = type("Single", (run.lib.callbacks.Callback,), {"on_train_batch_end": end})()
        run.call("fit", *run.xy(10), batch_size=4, verbose=0, callbacks=single)
        homes.append(home)
    assert sorted(homes[0]) == [(0, False), (1, False), (2, False)]
    assert homes[1] == [(0, True), (1, True), (2, True)]


def test_a_nested_list_of_callbacks_is_flattened(both):
    """Defect i: Keras flattens it, then fails on what it did not flatten."""
    for run in both:
        run.call("fit", *run.xy(8), batch_size=4, verbose=0, callbacks=[[run.recorder]])
    assert [type(error) for error in both[0].errors] == [AttributeError]
    assert not both[1].errors
    assert epochs_of(both[1]) == [[0, 1]]


def test_class_weight_works_with_generators_too():
    """Keras refuses it there and takes it with a PyDataset; the numbers are those."""
    spec = Model("softmax", "class", "sparse_categorical_crossentropy", ())
    refused, theirs, ours = keras_run(spec), keras_run(spec), subject_run(spec)
    for run, source in (
        (refused, refused.batches(10, 4)),
        (theirs, theirs.reiterable(10, 4)),
        (ours, ours.batches(10, 4)),
    ):
        run.fit(source, class_weight={0: 0.5, 1: 4.0})
    assert "`class_weight` is not supported for Python generator" in str(refused.errors[0])
    assert not ours.errors
    for theirs_weight, weight in zip(
        theirs.model.get_weights(), ours.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(weight, theirs_weight, rtol=1e-5)


def test_a_model_that_ended_with_averages_can_be_fitted_again():
    """Keras leaves one buffer as weight and as average, and cannot donate it twice."""
    spec = Model(optimizer="averaging(0.5, None, None)")
    theirs, ours = Run(keras, spec, spec.build(keras)), subject_run(spec)
    for run in (theirs, ours):
        for _ in range(2):
            run.call("fit", *run.xy(10), batch_size=4, verbose=0)
    assert [type(error) for error in theirs.errors] == [TypeError]
    assert not ours.errors


@pytest.mark.parametrize("share", [1.0, 1.5, -0.25])
def test_validation_split_outside_its_range_is_an_error(share):
    """Defect n: Keras takes 1.5 and -0.25 as negative slices; 1.0 is an error there too."""
    theirs, ours = keras_run(Model()), subject_run(Model())
    for run in (theirs, ours):
        run.fit(*run.xy(10), batch_size=4, validation_split=share)
    assert bool(theirs.errors) == (share == 1.0)
    assert isinstance(ours.errors[0], ValueError)
    assert "validation_split" in str(ours.errors[0])
    assert not [event for event in ours.trace if event.name in INDEXED_HOOKS]


def test_evaluate_inside_a_hook_leaves_the_training_metrics_alone(both):
    """Defect k: Keras wipes them, so that its epoch only counts the batches after."""
    losses, values = [], []
    for run in both:
        run.fit(*run.xy(10), batch_size=4)
        quiet = run.model.history.history["loss"]

        fresh = keras_run(Model()) if run.lib is keras else subject_run(Model())
        seen = []

        def evaluate(callback, logs, seen=seen, fresh=fresh):
            seen.append(callback.model.evaluate(*fresh.xy(6, 10), verbose=0))

        fresh.fit(
            *fresh.xy(10),
            batch_size=4,
            callbacks=[fresh.when("on_train_batch_end", evaluate, 1)],
        )
        losses.append((quiet, fresh.model.history.history["loss"]))
        values.append(seen[0])
    (keras_quiet, keras_wiped), (quiet, kept) = losses
    assert keras_wiped != pytest.approx(keras_quiet, rel=1e-2)
    assert quiet == pytest.approx(keras_quiet, rel=1e-5)
    assert kept == quiet
    assert values[1] == pytest.approx(values[0], rel=1e-5)
