"""`evaluate`, `predict` and the `*_on_batch` methods leave and return what Keras's do."""

import pytest
from tests.parity._models import Model
from tests.parity._run import ORPHAN, Case, check, rows

SPARSE = Model("softmax", "class", "sparse_categorical_crossentropy", ("accuracy",))
MANY = Model(metrics=("root_mean_squared_error", "mse"), weighted_metrics=("mae",))
ONE_NAME = Model(metrics=("mse", "mae"), weighted_metrics=("mae",))
LOSS_ONLY = Model(metrics=())

EVALUATE = [
    Case("list in compile's order", lambda run: run.evaluate(*run.xy(10), batch_size=4), MANY),
    Case(
        "a metric plain and weighted, return_dict",
        lambda run: run.evaluate(
            *run.xy(10), batch_size=4, sample_weight=run.xyw(10)[2], return_dict=True
        ),
        ONE_NAME,
    ),
    Case(
        "a metric plain and weighted, list",
        lambda run: run.evaluate(*run.xy(10), batch_size=4, sample_weight=run.xyw(10)[2]),
        ONE_NAME,
        "Keras repeats the plain value, five values for four metrics; callbax gives each once.",
    ),
    Case("scalar for the loss alone", lambda run: run.evaluate(*run.xy(10)), LOSS_ONLY),
    Case(
        "return_dict",
        lambda run: run.evaluate(*run.xy(10), batch_size=4, return_dict=True),
        MANY,
    ),
    Case(
        "return_dict of the loss alone",
        lambda run: run.evaluate(*run.xy(10), return_dict=True),
        LOSS_ONLY,
    ),
    Case(
        "sample_weight",
        lambda run: run.evaluate(*run.xy(10), batch_size=4, sample_weight=run.xyw(10)[2]),
        MANY,
    ),
    Case("accuracy", lambda run: run.evaluate(*run.xy(10), batch_size=4), SPARSE),
    Case("steps", lambda run: run.evaluate(*run.xy(10), batch_size=4, steps=2)),
    Case("steps beyond the data", lambda run: run.evaluate(*run.xy(10), batch_size=4, steps=5)),
    Case("endless generator, evaluate", lambda run: run.evaluate(run.endless(10, 4), steps=4)),
    Case("re-iterable, evaluate", lambda run: run.evaluate(run.reiterable(10, 4))),
    Case(
        "finite generator, evaluate",
        lambda run: run.evaluate(run.batches(10, 4)),
        differs=ORPHAN,
    ),
    Case(
        "between two fits, leaves the optimizer alone",
        lambda run: (
            run.fit(*run.xy(10), batch_size=4),
            run.evaluate(*run.xy(10), batch_size=4),
            run.fit(*run.xy(10), batch_size=4),
        ),
        Model(optimizer="momentum"),
    ),
    Case(
        "unknown argument",
        lambda run: run.evaluate(*run.xy(10), stepz=2),
        differs="Keras raises ValueError for it, callbax Python's own TypeError.",
    ),
]

PREDICT = [
    Case("short last batch, predict", lambda run: run.predict(run.xy(10)[0], batch_size=4)),
    Case("batch_size None, predict", lambda run: run.predict(run.xy(40)[0])),
    Case("steps, predict", lambda run: run.predict(run.xy(10)[0], batch_size=4, steps=2)),
    Case("steps beyond, predict", lambda run: run.predict(run.xy(10)[0], batch_size=4, steps=5)),
    Case(
        "generator of inputs and targets",
        lambda run: run.predict(run.endless(10, 4), steps=3),
    ),
    Case(
        "finite generator, predict",
        lambda run: run.predict(run.batches(10, 4)),
        differs=ORPHAN,
    ),
    Case("re-iterable, predict", lambda run: run.predict(run.reiterable(10, 4))),
    Case("several outputs", lambda run: run.predict(run.xy(10)[0], batch_size=4), SPARSE),
    Case(
        "before and after a fit",
        lambda run: (
            run.predict(run.xy(10)[0], batch_size=4),
            run.fit(*run.xy(10), batch_size=4),
            run.predict(run.xy(10)[0], batch_size=4),
        ),
    ),
]

ON_BATCH = [
    Case("train_on_batch", lambda run: run.on_batch("train_on_batch", *run.xy(4))),
    Case(
        "train_on_batch starts its metrics anew",
        lambda run: (
            run.on_batch("train_on_batch", *run.xy(4)),
            run.on_batch("train_on_batch", *run.xy(4, 4)),
        ),
        Model(optimizer="adam"),
    ),
    Case(
        "train_on_batch, return_dict and weights",
        lambda run: run.on_batch("train_on_batch", *run.xyw(4), return_dict=True),
        MANY,
    ),
    Case(
        "train_on_batch, class_weight",
        lambda run: run.on_batch("train_on_batch", *run.xy(4), class_weight={0: 2.0, 1: 0.5}),
        SPARSE,
    ),
    Case(
        "train_on_batch, loss alone",
        lambda run: run.on_batch("train_on_batch", *run.xy(4)),
        LOSS_ONLY,
    ),
    Case("test_on_batch", lambda run: run.on_batch("test_on_batch", *run.xyw(4)), MANY),
    Case(
        "test_on_batch, return_dict",
        lambda run: run.on_batch("test_on_batch", *run.xy(4), return_dict=True),
    ),
    Case("predict_on_batch", lambda run: run.on_batch("predict_on_batch", run.xy(4)[0])),
    Case(
        "on_batch methods between fits",
        lambda run: (
            run.fit(*run.xy(10), batch_size=4),
            run.on_batch("train_on_batch", *run.xy(4, 10)),
            run.on_batch("test_on_batch", *run.xy(4, 10)),
            run.fit(*run.xy(10), batch_size=4),
        ),
        Model(optimizer="momentum"),
    ),
]


@pytest.mark.parametrize("steps_per_execution", ["auto", 3])
@pytest.mark.parametrize("case", rows(EVALUATE + PREDICT))
def test_evaluate_and_predict_leave_the_trace_of_keras(case, steps_per_execution):
    check(case, steps_per_execution)


@pytest.mark.parametrize("case", rows(ON_BATCH))
def test_single_batches_return_what_keras_returns(case):
    check(case)
