"""`fit` leaves the trace that Keras's leaves: data, epochs, weights, losses, optimizers."""

import pytest
from tests.parity._models import Model
from tests.parity._run import KERAS_NOISE, ORPHAN, Case, check, keras_run, rows, subject_run

BINARY = Model("sigmoid", "binary", "binary_crossentropy", ("accuracy",))
ONE_HOT = Model("softmax", "one-hot", "categorical_crossentropy", ("accuracy",))
SPARSE = Model("softmax", "class", "sparse_categorical_crossentropy", ("accuracy",))
FLATTEN = Model("flatten", metrics=("mae", "mse"), optimizer="adam")
WEIGHTED = Model(weighted_metrics=("mse",))

EPOCHS = [
    Case("one epoch, exact multiple", lambda run: run.fit(*run.xy(8), batch_size=4)),
    Case("exact multiple", lambda run: run.fit(*run.xy(8), batch_size=4, epochs=3)),
    Case("short last batch", lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2)),
    Case("one batch holds it all", lambda run: run.fit(*run.xy(10), batch_size=64, epochs=2)),
    Case("batch_size None is 32", lambda run: run.fit(*run.xy(40), epochs=2)),
    Case("epochs 0", lambda run: run.fit(*run.xy(10), batch_size=4, epochs=0)),
    Case(
        "initial_epoch",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=4, initial_epoch=2),
    ),
    Case(
        "initial_epoch equals epochs",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, initial_epoch=2),
    ),
    Case(
        "initial_epoch beyond epochs",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, initial_epoch=5),
    ),
    Case(
        "fit goes on where the last one ended",
        lambda run: (
            run.fit(*run.xy(10), batch_size=4, epochs=2),
            run.fit(*run.xy(10), batch_size=4, epochs=3, initial_epoch=2),
        ),
        Model(optimizer="momentum"),
    ),
    Case(
        "fit again with other shapes",
        lambda run: (
            run.fit(*run.xy(10), batch_size=4),
            run.fit(*run.xy(6, start=10), batch_size=3),
        ),
    ),
    Case("verbose stays what it was", lambda run: run.fit(*run.xy(8), batch_size=4, verbose=2)),
]

SOURCES = [
    Case(
        "steps_per_epoch below the data keeps its place: 5,5,5,1,5,5",
        lambda run: run.fit(*run.xy(32), batch_size=2, epochs=6, steps_per_epoch=5),
    ),
    Case(
        "steps_per_epoch that divides the data",
        lambda run: run.fit(*run.xy(16), batch_size=4, epochs=3, steps_per_epoch=2),
    ),
    Case(
        "steps_per_epoch with a short last batch",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=4, steps_per_epoch=2),
    ),
    Case(
        "steps_per_epoch beyond the data",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, steps_per_epoch=5),
    ),
    Case(
        "endless generator",
        lambda run: run.fit(run.endless(10, 4), epochs=3, steps_per_epoch=4),
    ),
    Case(
        "endless generator with validation arrays",
        lambda run: run.fit(
            run.endless(10, 4), epochs=2, steps_per_epoch=2, validation_data=run.xy(5, 10)
        ),
    ),
    Case(
        "finite generator, one epoch",
        lambda run: run.fit(run.batches(10, 4)),
        differs=ORPHAN,
    ),
    Case(
        "finite generator with just enough steps",
        lambda run: run.fit(run.batches(24, 4), epochs=3, steps_per_epoch=2),
    ),
    Case(
        "steps_per_epoch without batch_size shares out the rows",
        lambda run: run.fit(*run.xy(10), epochs=2, steps_per_epoch=3),
    ),
    Case("re-iterable", lambda run: run.fit(run.reiterable(10, 4), epochs=3)),
    Case(
        "re-iterable with steps_per_epoch",
        lambda run: run.fit(run.reiterable(20, 4), epochs=4, steps_per_epoch=2),
    ),
]

WEIGHTS = [
    Case(
        "sample_weight spares plain metrics",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, sample_weight=run.xyw(10)[2]),
        WEIGHTED,
    ),
    Case(
        "weighted accuracy",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, sample_weight=run.xyw(10)[2]),
        Model("softmax", "class", SPARSE.loss, ("accuracy",), ("accuracy",)),
    ),
    Case(
        "generator of (x, y, weight)",
        lambda run: run.fit(
            (run.xyw(4, start) for start in (0, 4, 8, 12)), epochs=2, steps_per_epoch=2
        ),
        WEIGHTED,
    ),
    Case(
        "class_weight on class numbers",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, epochs=2, class_weight={0: 0.5, 1: 2.0, 2: 3.0}
        ),
        SPARSE,
    ),
    Case(
        "class_weight on a column of class numbers",
        lambda run: run.fit(*run.xy(10), batch_size=4, class_weight={0: 0.5, 1: 2.0, 2: 3.0}),
        Model("softmax", "class column", SPARSE.loss, ("accuracy",)),
    ),
    Case(
        "class_weight on one-hot rows, a class missing",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, class_weight={0: 0.5, 2: 3.0}),
        ONE_HOT,
    ),
    Case(
        "class_weight of a re-iterable",
        lambda run: run.fit(run.reiterable(10, 4), epochs=2, class_weight={0: 0.5, 1: 2.0}),
        Model("softmax", "class", SPARSE.loss, ("accuracy",), ("accuracy",)),
    ),
    Case(
        "class_weight of a re-iterable of one-hot rows",
        lambda run: run.fit(run.reiterable(10, 4), class_weight={0: 0.5, 2: 3.0}),
        ONE_HOT,
    ),
    Case(
        "class_weight spares validation",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, class_weight={0: 0.5, 1: 4.0}, validation_data=run.xy(5, 10)
        ),
        Model("sigmoid", "binary", BINARY.loss, ("accuracy",), ("accuracy",)),
    ),
]

MODELS = [
    Case(
        f"{model.loss} of {model.net}, {model.optimizer}, {'+'.join(model.metrics) or 'alone'}",
        lambda run: run.fit(*run.xy(10), batch_size=4, epochs=2, validation_data=run.xy(5, 10)),
        model,
    )
    for model in (
        Model(metrics=()),
        Model(loss="mae", metrics=("mse",)),
        Model(loss="mean_squared_error", metrics=("mean_absolute_error",), optimizer="momentum"),
        Model(optimizer="nesterov"),
        Model(optimizer="rmsprop"),
        Model(optimizer="adam"),
        Model(optimizer="by name"),
        BINARY,
        Model("sigmoid", "binary", "binary_crossentropy", ("acc", "mse"), optimizer="adam"),
        ONE_HOT,
        SPARSE,
        Model("softmax", "class column", SPARSE.loss, ("accuracy",), optimizer="rmsprop"),
        FLATTEN,
    )
]

FAULTS = [
    Case("unequal lengths", lambda run: run.fit(run.xy(10)[0], run.xy(8)[1])),
    Case("y beside a generator", lambda run: run.fit(run.endless(), run.xy(8)[1])),
    Case(
        "validation_split of a generator",
        lambda run: run.fit(run.endless(), steps_per_epoch=2, validation_split=0.5),
    ),
    Case(
        "class_weight and sample_weight",
        lambda run: run.fit(*run.xy(10), class_weight={0: 1.0}, sample_weight=run.xyw(10)[2]),
        SPARSE,
    ),
    Case(
        "class_weight and a re-iterable of sample weights",
        lambda run: run.fit(run.reiterable(10, 4, run.xyw), class_weight={0: 1.0}),
        SPARSE,
    ),
    Case(
        "validation_freq of another kind",
        lambda run: run.fit(
            *run.xy(10), batch_size=4, validation_data=run.xy(5), validation_freq="often"
        ),
    ),
    Case(
        "unknown kind of data",
        lambda run: run.fit("digits"),
        differs="Keras raises ValueError, callbax TypeError.",
    ),
]


@pytest.mark.parametrize("steps_per_execution", ["auto", 3])
@pytest.mark.parametrize("case", rows(EPOCHS + SOURCES))
def test_fit_leaves_the_trace_of_keras(case, steps_per_execution):
    check(case, steps_per_execution)


@pytest.mark.parametrize("case", rows(WEIGHTS + MODELS))
def test_every_kind_of_model_leaves_the_trace_of_keras(case):
    check(case, steps_per_execution=3)


@pytest.mark.filterwarnings(f"ignore:{KERAS_NOISE}:DeprecationWarning")
@pytest.mark.parametrize("case", rows(FAULTS))
def test_a_faulty_fit_raises_what_keras_raises(case):
    """Only the type of the error counts: callbax may notice earlier, and says it its own way."""
    runs = keras_run(case.model), subject_run(case.model)
    for run in runs:
        case.script(run)
    theirs, ours = ([type(error) for error in run.errors] for run in runs)
    assert len(theirs) == 1, "Keras takes this: it is no fault"
    assert len(ours) == 1, "callbax takes this"
    assert issubclass(ours[0], theirs[0])
