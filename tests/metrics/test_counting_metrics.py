"""Metrics with a state of their own beside Keras's, over random batches of which one is short."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import callbax as cb
from callbax import metrics

LENGTHS = (16, 16, 5)
COUNTS = ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
AT = {
    "PrecisionAtRecall": "recall",
    "RecallAtPrecision": "precision",
    "SensitivityAtSpecificity": "specificity",
    "SpecificityAtSensitivity": "sensitivity",
}
THRESHOLDS = (None, 0.3, [0.2, 0.7], [0.0, 0.5, 1.0], [0.0, 0.25, 0.5, 0.75, 1.0])
BINARY = [
    *((name, {"thresholds": cuts}) for name in COUNTS for cuts in THRESHOLDS),
    *((name, {"thresholds": c}) for name in ("Precision", "Recall") for c in THRESHOLDS),
    *((name, {of: at}) for name, of in AT.items() for at in (0.0, 0.4, 0.9, 1.0)),
    *((name, {of: 0.5, "num_thresholds": n}) for name, of in AT.items() for n in (1, 2, 3, 1000)),
    *(
        ("AUC", {"curve": curve, "summation_method": method})
        for curve in ("ROC", "PR", "PRGAIN", "pr", "roc")
        for method in ("interpolation", "minoring", "majoring", "Majoring")
    ),
    *(("AUC", {"num_thresholds": n, "curve": c}) for n in (2, 3, 50, 1000) for c in ("ROC", "PR")),
    *(("AUC", {"thresholds": cuts}) for cuts in ([0.5], [0.9, 0.2, 0.3], [0.25, 0.5, 0.75])),
    ("AUC", {"from_logits": True}),
    ("AUC", {"from_logits": True, "thresholds": [0.1, 0.2]}),
]
CLASSES = [
    *(
        (name, options)
        for name in ("Precision", "Recall")
        for options in (
            {"top_k": 1},
            {"top_k": 2, "thresholds": 0.4},
            {"class_id": 2},
            {"top_k": 3, "class_id": 0},
            {"class_id": 1, "thresholds": [0.0, 0.5, 1.0]},
        )
    ),
    *((name, {of: 0.4, "class_id": 1}) for name, of in AT.items()),
    *(
        ("AUC", {"multi_label": True, "curve": curve, "summation_method": method})
        for curve in ("ROC", "PR", "PRGAIN")
        for method in ("interpolation", "minoring")
    ),
    ("AUC", {"multi_label": True, "num_labels": 4}),
    ("AUC", {"multi_label": True, "thresholds": [0.3, 0.4]}),
    ("AUC", {"multi_label": True, "label_weights": [0.5, 1.0, 0.0, 3.0]}),
    ("AUC", {"multi_label": True, "curve": "PR", "label_weights": [0.5, 1.0, 0.0, 3.0]}),
    ("AUC", {"label_weights": [0.5, 1.0, 0.0, 3.0]}),
    ("AUC", {"label_weights": [0.5, 1.0, 0.0, 3.0], "thresholds": [0.1]}),
    *(
        ("FBetaScore", {"average": average, "beta": beta, "threshold": cut})
        for average in (None, "micro", "macro", "weighted")
        for beta in (0.5, 1.0, 2.0)
        for cut in (None, 0.5)
    ),
    *(("F1Score", {"average": average}) for average in (None, "micro", "macro", "weighted")),
    *(
        ("R2Score", {"class_aggregation": over, "num_regressors": n})
        for over in (None, "uniform_average", "variance_weighted_average")
        for n in (0, 2, 200)
    ),
]
OPTIONS = [*BINARY, *CLASSES, ("R2Score", {})]
CASES = [
    *((name, options, shape) for name, options in BINARY for shape in ((), (1,), (4,), (3, 4))),
    *((name, options, (4,)) for name, options in CLASSES),
    *((name, {"class_id": 2}, (3, 4)) for name in ("Precision", "Recall")),
    *(("F1Score", {"threshold": 0.5}, shape) for shape in ((1,), (7,))),
    ("R2Score", {}, (1,)),
]
NAMES = (*COUNTS, *AT, "Precision", "Recall", "AUC", "FBetaScore", "F1Score", "R2Score")


def both(name, options):
    return getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)


def batches(name, options, shape, seed=0):
    """Yields labels and predictions; some of these lie on thresholds, 0 and 1 among them."""
    rng = np.random.default_rng(seed)
    for length in LENGTHS:
        y_pred = rng.uniform(0, 1, (length, *shape)).astype("float32")
        y_pred = np.where(rng.uniform(size=y_pred.shape) < 0.4, np.round(y_pred * 4) / 4, y_pred)
        y_true = (rng.uniform(size=y_pred.shape) < y_pred).astype("int32")
        if options.get("from_logits"):
            y_pred = y_pred * 8 - 4
        if name == "R2Score":
            y_true = (y_pred + rng.normal(size=y_pred.shape)).astype("float32")
        yield y_true, y_pred.astype("float32")


def same(ours, theirs, message=""):
    assert np.shape(ours) == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=5e-6, atol=1e-6, err_msg=message)


@pytest.mark.every(5)
@pytest.mark.filterwarnings("ignore:More independent predictors")
# Every second shape with weights, so that each set of options is seen with and without.
@pytest.mark.parametrize(
    ("name", "options", "shape", "weighted"), [(*case, i % 2) for i, case in enumerate(CASES)]
)
def test_equals_keras_batch_by_batch(name, options, shape, weighted):
    rng = np.random.default_rng(1)
    ours, theirs = both(name, options)
    for i, (y_true, y_pred) in enumerate(batches(name, options, shape)):
        weights = rng.uniform(0, 2, len(y_true)).astype("float32") if weighted else None
        ours.update_state(y_true, y_pred, weights)
        if weighted and len(shape) > 1:  # Keras aligns a weight for each sample with the classes
            weights = np.broadcast_to(weights[:, None], y_true.shape[:2])
        theirs.update_state(y_true, y_pred, weights)
        same(ours.result(), theirs.result(), f"after batch {i}")
    theirs.reset_state()
    ours.reset_state()
    same(ours(y_true, y_pred), theirs(y_true, y_pred), "after reset_state()")


@pytest.mark.every(3)
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_is_not_the_mean_over_batches(name, options):
    pairs = list(batches(name, options, (4,)))
    whole = getattr(metrics, name)(**options)
    for pair in pairs:
        whole.update_state(*pair)
    joined = [np.concatenate(parts) for parts in zip(*pairs, strict=True)]
    np.testing.assert_allclose(
        whole.result(), getattr(metrics, name)(**options)(*joined), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_state_rides_in_a_compiled_loop(name, weighted):
    options = {AT[name]: 0.5} if name in AT else {}
    shape = (4,)
    metric, outside = (getattr(metrics, name)(**options) for _ in range(2))
    pairs = list(batches(name, options, shape))[:2]
    y_true, y_pred = (jnp.stack(parts) for parts in zip(*pairs, strict=True))
    weights = jnp.arange(32.0).reshape(2, 16)
    shaped = metric.shaped(y_true.shape[1:], y_pred.shape[1:])

    @jax.jit
    def run(y_true, y_pred, weights):
        def step(i, state):
            return shaped.update(state, y_true[i], y_pred[i], weights[i] if weighted else None)

        return shaped.compute(jax.lax.fori_loop(0, 2, step, shaped.empty()))

    for i, pair in enumerate(pairs):
        outside.update_state(*pair, weights[i] if weighted else None)
    same(run(y_true, y_pred, weights), outside.result())


@pytest.mark.parametrize("name", NAMES)
def test_names_and_directions_are_keras_s(name):
    options = {AT[name]: 0.5} if name in AT else {}
    for library in (cb, keras):
        library.backend.clear_session(free_memory=False)
    for _ in range(2):
        ours, theirs = both(name, options)
        assert ours.name == theirs.name
    known = {"TruePositives": "up", "TrueNegatives": "up"}
    known |= {"FalsePositives": "down", "FalseNegatives": "down"}
    assert ours.direction == getattr(theirs, "_direction", known.get(name))


@pytest.mark.every(3)
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_configs_are_keras_s(name, options):
    ours, theirs = both(name, {**options, "name": "m"})
    config, keras_s = ours.get_config(), theirs.get_config()
    weights = keras_s.pop("label_weights", None)
    if weights is not None:
        assert config["label_weights"] == weights.tolist()
    assert config.items() >= keras_s.items()
    assert set(config) <= {*keras_s, "label_weights", *inspect.signature(type(ours)).parameters}
    again = type(ours).from_config(config)
    y_true, y_pred = next(batches(name, options, (4,)))
    same(again(y_true, y_pred), ours(y_true, y_pred))


def test_counts_beyond_2_to_the_24_go_on():
    metric = metrics.TruePositives()
    ones = jnp.ones(2**12)

    @jax.jit
    def run():
        def step(_, state):
            return metric.update(state, ones[:1], ones[:1])

        filled = metric.empty()
        for _ in range(2):
            filled = metric.update(filled, ones[:1], ones[:1], jnp.float32([2**23]))
        return metric.compute(jax.lax.fori_loop(0, 1000, step, filled))

    assert int(run()) == 2**24 + 1000


def test_r2_of_numbers_far_from_0():
    rng = np.random.default_rng(0)
    y_true = (1e5 + rng.normal(size=(64, 2))).astype("float32")
    y_pred = (y_true + 0.5 * rng.normal(size=y_true.shape)).astype("float32")
    ours, theirs = metrics.R2Score(), keras.metrics.R2Score()
    for start in range(0, 64, 24):
        for metric in (ours, theirs):
            metric.update_state(y_true[start : start + 24], y_pred[start : start + 24])
    exact = [
        1 - np.square(t - p).sum() / np.square(t - t.mean()).sum()
        for t, p in zip(y_true.T.astype("float64"), y_pred.T.astype("float64"), strict=True)
    ]
    assert float(ours.result()) == pytest.approx(np.mean(exact), rel=1e-4)
    assert float(theirs.result()) != pytest.approx(np.mean(exact), rel=1e-2)


@pytest.mark.parametrize("value", [0.0, 0.1, 3.0, -7.3])
def test_r2_of_labels_that_are_all_the_same_is_0(value):
    metric = metrics.R2Score()
    for length in (8, 8, 3):
        y_true = np.full((length, 1), value, "float32")
        metric.update_state(y_true, y_true + 0.5)
    assert float(metric.result()) == 0


VECTORS = np.random.default_rng(0).normal(size=(3, 8, 4, 5)).astype("float32")


@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cosine_similarity(axis, weighted):
    ours, theirs = both("CosineSimilarity", {"axis": axis})
    for y_true, y_pred in zip(VECTORS, VECTORS[::-1] * 1e-3, strict=True):
        y_true = y_true * (np.arange(8) > 2)[:, None, None]  # of length 0 among them
        weights = np.linspace(0, 1, 8) if weighted else None
        ours.update_state(y_true, y_pred, weights)
        theirs.update_state(y_true, y_pred, weights)
    same(ours.result(), theirs.result())
