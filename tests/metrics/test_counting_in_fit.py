"""Metrics with a state of their own in whole runs, beside Keras's."""

import keras
import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
ROWS = 53  # not a multiple of the batch size
X = RNG.normal(size=(ROWS, 4)).astype("float32")
CLASS = np.argmax(X[:, :3] + RNG.normal(size=(ROWS, 3)), 1)
WEIGHTS = RNG.uniform(0.2, 2, ROWS).astype("float32")

BINARY = {
    "auc": lambda m: m.AUC(name="auc"),
    "pr": lambda m: m.AUC(curve="PR", num_thresholds=50, name="pr"),
    "precision": lambda m: m.Precision(name="precision"),
    "recall": lambda m: m.Recall(thresholds=0.4, name="recall"),
    "tp": lambda m: m.TruePositives(name="tp"),
    "fn": lambda m: m.FalseNegatives(name="fn"),
    "sas": lambda m: m.SensitivityAtSpecificity(0.6, name="sas"),
    "rap": lambda m: m.RecallAtPrecision(0.6, name="rap"),
    "f1": lambda m: m.F1Score("micro", 0.5, name="f1"),
}
CLASSES = {
    "auc": lambda m: m.AUC(multi_label=True, name="auc"),
    "auc3": lambda m: m.AUC(multi_label=True, num_labels=3, from_logits=False, name="auc3"),
    "precision": lambda m: m.Precision(top_k=1, name="precision"),
    "recall": lambda m: m.Recall(class_id=1, name="recall"),
    "f1": lambda m: m.F1Score(average="macro", name="f1"),
    "fbeta": lambda m: m.FBetaScore("weighted", 2.0, name="fbeta"),
    "cosine": lambda m: m.CosineSimilarity(name="cosine"),
    "iou": lambda m: m.OneHotMeanIoU(3, name="iou"),
}
NUMBERS = {
    "r2": lambda m: m.R2Score(name="r2"),
    "r2v": lambda m: m.R2Score("variance_weighted_average", name="r2v"),
    "rmse": lambda m: m.RootMeanSquaredError(name="rmse"),
}
TASKS = {
    "binary": (BINARY, 1, "sigmoid", (CLASS == 1).astype("float32")[:, None]),
    "classes": (CLASSES, 3, "softmax", np.eye(3, dtype="float32")[CLASS]),
    "numbers": (NUMBERS, 2, None, X[:, :2] + 10),
}


def run(lib, task, argument):
    made, units, activation, y = TASKS[task]
    keras.utils.set_random_seed(0)
    model = lib.Sequential([lib.layers.Dense(units, activation=activation)])
    given = {argument: [make(lib.metrics) for make in made.values()]}
    model.compile(lib.optimizers.SGD(0.05), "mse", **given)
    fit = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}
    fitted = model.fit(X, y, sample_weight=WEIGHTS, validation_data=(X[:16], y[:16]), **fit)
    options = {"batch_size": 9, "verbose": 0, "return_dict": True}
    return fitted.history, model.evaluate(X, y, sample_weight=WEIGHTS, **options)


@pytest.mark.filterwarnings("ignore:You are passing weight as `float`")
@pytest.mark.parametrize("argument", ["metrics", "weighted_metrics"])
@pytest.mark.parametrize("task", TASKS)
def test_runs_give_the_numbers_of_keras(task, argument):
    (ours, evaluated), (theirs, their_evaluated) = (run(lib, task, argument) for lib in (cb, keras))
    assert ours.keys() == theirs.keys()
    whole_weights = {"iou"} if argument == "weighted_metrics" else set()
    for key in theirs.keys() - whole_weights:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=2e-5, atol=1e-6, err_msg=key)
    for key in their_evaluated.keys() - whole_weights:
        assert evaluated[key] == pytest.approx(their_evaluated[key], rel=2e-5, abs=1e-6), key


@pytest.mark.parametrize("name", ["AUC", "auc", "Precision", "recall", "r2_score", "TruePositives"])
def test_a_name_works_as_in_keras(name):
    def history(lib):
        keras.utils.set_random_seed(0)
        model = lib.Sequential([lib.layers.Dense(1, activation="sigmoid")])
        model.compile("sgd", "mse", metrics=[name])
        y = TASKS["binary"][3]
        return model.fit(X, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history

    ours, theirs = history(cb), history(keras)
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-5, atol=1e-6)


def test_one_class_is_one_number():
    model = cb.Sequential([cb.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "mse", metrics=[cb.metrics.F1Score(threshold=0.5)])
    history = model.fit(X, TASKS["binary"][3], verbose=0).history
    assert isinstance(history["f1_score"][0], float)


@pytest.mark.parametrize(
    ("metric", "task"),
    [
        (cb.metrics.F1Score(), "classes"),
        (cb.metrics.R2Score(None), "numbers"),
        (cb.metrics.Precision([0.3, 0.6]), "binary"),
        (cb.metrics.TruePositives([0.3, 0.6]), "binary"),
    ],
)
def test_several_values_are_refused_before_the_first_step(metric, task):
    _, units, activation, y = TASKS[task]
    model = cb.Sequential([cb.layers.Dense(units, activation=activation)])
    model.compile("sgd", "mse", metrics=[metric])
    words = rf"(?s)expected a metric with one value, received a {type(metric).__name__} with values"
    with pytest.raises(TypeError, match=words):
        model.fit(X, y, verbose=0)


def test_a_name_that_needs_arguments_says_which():
    model = cb.Sequential([cb.layers.Dense(1)])
    with pytest.raises(ValueError, match=r"(?s)metrics=\['PrecisionAtRecall'\].*recall=\.\.\."):
        model.compile("sgd", "mse", metrics=["PrecisionAtRecall"])


@pytest.mark.parametrize(
    ("metric", "better"),
    [
        (cb.metrics.AUC(name="m"), "up"),
        (cb.metrics.F1Score("micro", 0.5, name="m"), "up"),
        (cb.metrics.FalsePositives(name="m"), "down"),
    ],
)
def test_callbacks_know_which_way_is_better(metric, better):
    stop = cb.callbacks.EarlyStopping("val_m", patience=0, restore_best_weights=True)
    model = cb.Sequential([cb.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "mse", metrics=[metric])
    y = TASKS["binary"][3]
    model.fit(X, y, validation_data=(X, y), epochs=5, callbacks=[stop], verbose=0)
    assert stop.monitor_op is (np.greater if better == "up" else np.less)


def test_one_metric_object_serves_two_widths():
    f1 = cb.metrics.F1Score(average="macro")
    for task in ("classes", "binary"):
        _, units, activation, y = TASKS[task]
        model = cb.Sequential([cb.layers.Dense(units, activation=activation)])
        model.compile("sgd", "mse", metrics=[f1])
        assert 0 <= model.fit(X, y, verbose=0).history["f1_score"][0] <= 1


LABELS = np.zeros((4, 3), "float32")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.AUC()(LABELS, LABELS[:, 0]), r"`AUC\(y_true, y_pred\)`: .*one-hot labels"),
        (lambda m: m.Precision()(LABELS[:, 0], LABELS), r"`Precision\(y_true, y_pred\)`"),
        (lambda m: m.Recall(top_k=4)(LABELS, LABELS), r"`Recall\(top_k=4\)`.* 4 classes or more"),
        (lambda m: m.Recall(class_id=3)(LABELS, LABELS), r"`Recall\(class_id=3\)`"),
        (lambda m: m.Recall(class_id=0)(LABELS[0], LABELS[0]), r"`Recall\(class_id=0\)`"),
        (lambda m: m.AUC(multi_label=True)(LABELS[0], LABELS[0]), r"`AUC\(multi_label="),
        (lambda m: m.AUC(multi_label=True, num_labels=2)(LABELS, LABELS), r"\(samples, 2\)"),
        (lambda m: m.AUC(label_weights=[1.0])(LABELS, LABELS), r"as many weights as labels, 3"),
        (lambda m: m.F1Score()(LABELS[0], LABELS[0]), r"`F1Score\(y_true, y_pred\)`"),
        (lambda m: m.R2Score()(LABELS, LABELS[:, :2]), r"`R2Score\(y_true, y_pred\)`"),
        (lambda m: m.AUC()(LABELS, LABELS, np.ones(3)), r"`sample_weight`: expected one weight"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=rf"(?s){words}"):
        call(cb.metrics)
