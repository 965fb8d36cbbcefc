"""Models as estimators: scikit-learn's own checks, searches, and Keras's wrapper beside them."""

import os
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import callbax as cb
from callbax.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

X = np.random.default_rng(0).normal(size=(90, 3))
LABELS = np.array(["low", "middle", "high"])[np.digitize(X.sum(axis=1), [-1, 1])]
NUMBERS = X @ [1.0, 2.0, 3.0]


def linear(X, y, activation="softmax", loss="categorical_crossentropy", outputs=None, rate=0.05):
    """Makes a model of one layer: what the checks look at is not what it learns."""
    outputs = outputs or y.shape[1]
    dense = cb.layers.Dense(outputs, activation, input_shape=X.shape[1:])
    model = cb.Sequential([dense], seed=0)
    model.compile(cb.optimizers.Adam(rate), loss)
    return model


def regressor(**fit):
    return SKLearnRegressor(
        linear, model_kwargs={"activation": None, "loss": "mse"}, fit_kwargs=fit
    )


ESTIMATORS = (
    SKLearnClassifier(linear, fit_kwargs={"epochs": 20}),
    regressor(epochs=2),
    SKLearnTransformer(regressor().model, model_kwargs=regressor().model_kwargs),
)
# Named by class and number: what scikit-learn would name them by holds addresses of functions.
CHECKS = [
    pytest.param(made, check, id=f"{type(made).__name__}-{number}-{check.func.__name__}")
    for estimator in ESTIMATORS
    for number, (made, check) in enumerate(estimator_checks_generator(estimator))
]


@pytest.mark.every(3)
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


def test_a_search_over_arguments_of_the_model_and_of_the_fit():
    estimator = make_pipeline(StandardScaler(), SKLearnClassifier(linear))
    grid = {
        "sklearnclassifier__model__rate": [1e-6, 0.1],
        "sklearnclassifier__fit__epochs": [30],
    }
    search = GridSearchCV(estimator, grid, cv=3, scoring="neg_log_loss").fit(X, LABELS)
    assert search.best_params_["sklearnclassifier__model__rate"] == 0.1
    assert len(search.best_estimator_[-1].history_.history["loss"]) == 30
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_equal(again.predict_proba(X), search.predict_proba(X))


def test_searches_in_processes_of_their_own():
    search = GridSearchCV(regressor(), {"fit__epochs": [1, 200]}, cv=2, n_jobs=2)
    assert search.fit(X, NUMBERS).best_params_ == {"fit__epochs": 200}


@pytest.mark.parametrize(
    ("activation", "loss", "classes"),
    [
        ("softmax", "categorical_crossentropy", 3),
        ("softmax", "sparse_categorical_crossentropy", 3),
        ("softmax", cb.losses.SparseCategoricalCrossentropy(), 3),
        ("softmax", cb.losses.CategoricalCrossentropy(), 2),
        ("sigmoid", "binary_crossentropy", 2),
    ],
)
def test_labels_take_the_form_of_the_loss(activation, loss, classes):
    y = np.where(LABELS == "middle", "low", LABELS) if classes == 2 else LABELS
    outputs = 1 if activation == "sigmoid" else classes
    kwargs = {"activation": activation, "loss": loss, "outputs": outputs, "rate": 0.1}
    estimator = SKLearnClassifier(linear, model_kwargs=kwargs, fit_kwargs={"epochs": 60})
    chances = estimator.fit(X, y).predict_proba(X)
    assert chances.shape == (len(X), classes)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_equal(estimator.predict(X), estimator.classes_[chances.argmax(axis=1)])
    assert estimator.score(X, y) > 0.9


def test_a_fit_is_that_of_the_model_and_of_keras_s_wrapper():
    def theirs(X, y):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.01), "mse")
        model.set_weights([np.ones((3, 1)), np.zeros(1)])
        return model

    ours = cb.Sequential([cb.layers.Dense(1, kernel_initializer="ones", input_shape=(3,))])
    ours.compile(cb.optimizers.SGD(0.01), "mse")
    fit = {"epochs": 3, "shuffle": False}
    estimator = SKLearnRegressor(ours, fit_kwargs=fit).fit(X, NUMBERS)
    expected = keras.wrappers.SKLearnRegressor(theirs, fit_kwargs={**fit, "verbose": 0})
    expected.fit(X, NUMBERS)
    np.testing.assert_allclose(estimator.predict(X), expected.predict(X).ravel(), rtol=1e-4)
    np.testing.assert_equal(ours.get_weights()[0], np.ones((3, 1)))  # a copy was trained
    around = keras.wrappers.SKLearnRegressor(lambda X, y: ours, fit_kwargs={**fit, "verbose": 0})
    around.fit(X, NUMBERS)
    np.testing.assert_allclose(around.predict(X).ravel(), estimator.predict(X), rtol=1e-6)


def test_a_model_of_keras_s_is_trained_too():
    def made(X, y):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.Adam(0.1), "categorical_crossentropy")
        return cb.Model(model)

    scores = cross_val_score(SKLearnClassifier(made, fit_kwargs={"epochs": 40}), X, LABELS, cv=3)
    assert scores.mean() > 0.7


def test_a_transformer_gives_the_outputs():
    model = linear(X, LABELS, activation="relu", loss="mse", outputs=4)
    pipeline = make_pipeline(SKLearnTransformer(model), regressor())
    targets = np.repeat(NUMBERS[:, None], 4, axis=1)
    features = pipeline[0].fit(X, targets).transform(X)
    np.testing.assert_equal(features, pipeline[0].model_.predict(X, verbose=0))


def test_warm_start_goes_on():
    cold, warm = regressor(epochs=1), regressor(epochs=1).set_params(warm_start=True)
    losses = []
    for estimator in (cold, warm):
        for _ in range(2):
            estimator.fit(X, NUMBERS, shuffle=False)
            losses.append(estimator.history_.history["loss"][0])
    assert losses[0] == losses[1] == losses[2] > losses[3]


def test_targets_keep_their_shape():
    for y, outputs in ((NUMBERS, 1), (NUMBERS[:, None], 1), (np.stack([NUMBERS] * 2, 1), 2)):
        estimator = regressor().set_params(model__outputs=outputs)
        assert estimator.fit(X, y).predict(X).shape == y.shape


def test_a_clone_has_all_that_was_set():
    estimator = regressor(epochs=3).set_params(model__rate=0.5)
    copied = clone(estimator)
    assert copied.get_params() == estimator.get_params()
    assert copied.get_params()["model__rate"] == 0.5
    assert copied.get_params()["fit__epochs"] == 3


@pytest.mark.parametrize(
    ("estimator", "y", "message"),
    [
        (SKLearnClassifier(lambda X, y: 3), LABELS,
         r"`SKLearnClassifier\(model=...\)`: expected a compiled model, .*received 3 \(int\)"),
        (SKLearnRegressor(cb.Sequential([cb.layers.Dense(1)])), NUMBERS,
         r"received one that is not compiled\.\nCall `compile`"),
        (SKLearnClassifier(linear), np.array(["a"] * len(X)),
         r"`SKLearnClassifier.fit\(y=...\)`: .*received those of one class"),
        (SKLearnClassifier(linear), NUMBERS, r"received Unknown label type: continuous\."),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_named(estimator, y, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        estimator.fit(X, y)


def test_scikit_learn_is_asked_for_when_it_is_needed_and_not_before():
    script = """
import sys
sys.modules["sklearn"] = None
import callbax
print(callbax.wrappers.__all__ == callbax.keras.wrappers.__all__)
try:
    from callbax.keras.wrappers import SKLearnClassifier
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ}
    )
    assert done.stdout.splitlines() == [
        "True",
        "`wrappers.SKLearnClassifier`: expected the package `scikit-learn`, received an "
        "environment without it.",
        'Install it: pip install "callbax[sklearn]".',
    ], done.stderr
