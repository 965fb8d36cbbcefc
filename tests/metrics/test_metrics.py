"""Every metric beside Keras's, over batches of which the last is short."""

import inspect
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from callbax import metrics
from callbax.metrics._sample_mean import SampleMean
from callbax.metrics._streaming import StreamingMetric

PAIRED = sorted(
    name
    for name in metrics.__all__
    if name[0].isupper()
    and issubclass(getattr(metrics, name), SampleMean)
    and name != "MeanMetricWrapper"
)
FUNCTIONS = sorted(name for name in metrics.__all__ if "_" in name)
OPTIONS = {
    "BinaryAccuracy": [{}, {"threshold": 0.2}],
    "CosineSimilarity": [{}, {"axis": 1}],
    "BinaryCrossentropy": [{}, {"from_logits": True, "label_smoothing": 0.1}],
    "CategoricalCrossentropy": [{}, {"from_logits": True, "label_smoothing": 0.1}],
    "SparseCategoricalCrossentropy": [{}, {"from_logits": True, "ignore_class": 2}],
    "TopKCategoricalAccuracy": [{}, {"k": 1}, {"k": 3}],
    "SparseTopKCategoricalAccuracy": [{}, {"k": 1}, {"k": 3}, {"k": 2, "from_sorted_ids": True}],
}
CLASSES = 6
LENGTHS = [8, 8, 3]  # samples per batch


def shapes_of(name):
    """Shapes of labels and predictions, without the samples."""
    if "Sparse" in name:
        return [((), (CLASSES,)), ((1,), (CLASSES,)), ((4,), (4, CLASSES))]
    if "Categorical" in name:
        return [((CLASSES,), (CLASSES,)), ((4, CLASSES), (4, CLASSES))]
    pairs = [((2,), (2,)), ((1,), (1,)), ((4, 2), (4, 2))]
    if name == "CosineSimilarity":
        return pairs[:1]  # others are beside their own
    return pairs if name == "BinaryCrossentropy" else [*pairs, ((), (1,)), ((1,), ()), ((), ())]


CASES = [
    (name, options, shapes)
    for name in PAIRED
    for options in OPTIONS.get(name, [{}])
    for shapes in shapes_of(name)
]

WEIGHTS = [None, "samples", "column", "steps", "whole numbers", "zeros"]
# A vector of numbers against a vector has one value per batch, which weights do not fit.
WEIGHTED_CASES = [
    (*case, kind)
    for case in CASES
    for kind in WEIGHTS
    if kind is None
    or case[2] != ((), ())
    or case[0] not in {"MeanAbsoluteError", "MeanSquaredError"}
]


def batches(name, options, shapes, dtype=None, seed=0):
    rng = np.random.default_rng(seed)
    for length in LENGTHS:
        y_true_shape, y_pred_shape = ((length, *shape) for shape in shapes)
        y_pred = rng.uniform(0, 1, y_pred_shape).astype("float32")
        y_pred = y_pred * 6 - 3 if options.get("from_logits") else y_pred
        if "Sparse" in name:
            y_true = rng.integers(0, CLASSES, y_true_shape)
        elif "Categorical" in name:
            y_true = np.eye(CLASSES)[rng.integers(0, CLASSES, y_true_shape[:-1])]
        else:
            y_true = rng.integers(0, 2, y_true_shape)
        if name == "Accuracy" or options.get("from_sorted_ids"):
            y_pred = np.round(y_pred * (CLASSES if "Sparse" in name else 1)).astype("float32")
        yield y_true.astype(dtype or y_true.dtype), y_pred


def both(name, **options):
    return getattr(metrics, name)(**options), getattr(keras.metrics, name)(**options)


def same(ours, theirs, message=""):
    np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-7, err_msg=message)


def weights_for(kind, length, value_shape, rng):
    """Sample weights of one kind; value_shape is that of the values, without the samples."""
    shape = {"samples": (length,), "column": (length, 1), "steps": (length, *value_shape)}.get(kind)
    if kind == "whole numbers":
        return rng.integers(0, 3, (length,))
    if kind == "zeros":
        return np.zeros((length,))
    return None if shape is None else rng.uniform(0, 2, shape)


@pytest.mark.every(5)
@pytest.mark.parametrize(("name", "options", "shapes", "kind"), WEIGHTED_CASES)
def test_equals_keras_batch_by_batch(name, options, shapes, kind):
    rng = np.random.default_rng(1)
    ours, theirs = both(name, **options)
    # The function behind a metric returns no axis of classes or outputs.
    steps = shapes[0][:-1] if len(shapes[0]) == len(shapes[1]) else shapes[0]
    for i, (y_true, y_pred) in enumerate(batches(name, options, shapes)):
        weights = weights_for(kind, len(y_true), steps, rng)
        ours.update_state(y_true, y_pred, weights)
        if "ignore_class" in options and steps and np.ndim(weights) == 1:
            weights = weights[:, None]  # Keras cannot merge these with its mask
        theirs.update_state(y_true, y_pred, weights)
        same(ours.result(), theirs.result(), f"after batch {i}")
    theirs.reset_state()
    ours.reset_state()
    same(ours(y_true, y_pred), theirs(y_true, y_pred), "after reset_state()")


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32", "float64"])
@pytest.mark.parametrize("name", PAIRED)
def test_labels_of_any_dtype(name, dtype):
    ours, theirs = both(name)
    for y_true, y_pred in batches(name, {}, shapes_of(name)[0], dtype):
        same(ours(y_true, y_pred), theirs(y_true, y_pred))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", PAIRED)
def test_state_rides_in_a_compiled_loop(name, weighted):
    metric, outside = getattr(metrics, name)(), getattr(metrics, name)()
    pairs = list(batches(name, {}, shapes_of(name)[0]))[:2]
    y_true, y_pred = (jnp.stack(parts) for parts in zip(*pairs, strict=True))
    weights = jnp.arange(16.0).reshape(2, 8)

    @jax.jit
    def run(y_true, y_pred, weights):
        def step(i, state):
            return metric.update(state, y_true[i], y_pred[i], weights[i] if weighted else None)

        return metric.compute(jax.lax.fori_loop(0, 2, step, metric.empty()))

    for i, pair in enumerate(pairs):
        outside.update_state(*pair, weights[i] if weighted else None)
    same(run(y_true, y_pred, weights), outside.result())
    same(metric.result(), 0.0, "the loop must not touch the metric's own state")


def test_mean_in_a_compiled_loop_weighs_losses_by_samples():
    mean, theirs = metrics.Mean(name="loss"), keras.metrics.Mean(name="loss")
    losses, sizes = np.array([3.0, 1.0, 2.0], "float32"), np.array([8, 8, 3])
    run = jax.jit(
        lambda losses, sizes: jax.lax.fori_loop(
            0, 3, lambda i, state: mean.update(state, losses[i], sizes[i]), mean.empty()
        )
    )
    for loss, size in zip(losses, sizes, strict=True):
        theirs.update_state(loss, sample_weight=size)
    same(mean.compute(run(losses, sizes)), theirs.result())


@pytest.mark.parametrize(
    ("values", "weights"),
    [(2.0, None), (2.0, 0.5)]
    + [
        (values, weights)
        for values in ([1.0, 3.0, 5.0], np.arange(12.0).reshape(3, 4))
        for weights in (None, 0.5, [1.0, 0.0, 2.0], [[1.0], [0.0], [2.0]])
    ],
)
def test_mean_equals_keras(values, weights):
    ours, theirs = metrics.Mean(), keras.metrics.Mean()
    for scale in (1.0, 2.0):
        scaled = np.asarray(values) * scale
        same(ours(scaled, sample_weight=weights), theirs(scaled, sample_weight=weights))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_equal_keras(name):
    owner = "".join(part.title() for part in name.split("_"))
    for shapes in shapes_of(owner):
        if len(shapes[0]) != len(shapes[1]) and "sparse" not in name:
            continue
        for y_true, y_pred in batches(owner, {}, shapes):
            ours = getattr(metrics, name)(y_true, y_pred)
            theirs = getattr(keras.metrics, name)(y_true, y_pred)
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
            same(ours, theirs)


@pytest.mark.parametrize("name", [*PAIRED, "Mean", "MeanMetricWrapper", *FUNCTIONS])
def test_signature_is_keras_s(name):
    def arguments(entry):
        return [(p.name, p.default) for p in inspect.signature(entry).parameters.values()]

    assert arguments(getattr(metrics, name)) == arguments(getattr(keras.metrics, name))


@pytest.mark.parametrize("name", [*PAIRED, "Mean"])
def test_default_names_directions_and_configs_are_keras_s(name):
    for options in OPTIONS.get(name, [{}]):
        ours, theirs = both(name, **options)
        assert ours.name == theirs.name
        assert ours.direction == getattr(theirs, "_direction", None)
        config = json.loads(json.dumps(ours.get_config()))
        assert config.items() >= theirs.get_config().items()
        for described in ({"class_name": name, "config": config}, keras.metrics.serialize(theirs)):
            made = metrics.get(described)
            assert type(made) is type(ours)
            assert made.get_config().items() >= theirs.get_config().items()


def test_class_numbers_beyond_256_survive_narrow_types():
    y_pred = jnp.zeros((2, 400), jnp.bfloat16).at[:, 257].set(1)
    assert metrics.sparse_categorical_accuracy(np.array([257, 256]), y_pred).tolist() == [1, 0]
    assert metrics.sparse_categorical_accuracy(np.array([1, 1], "uint8"), y_pred).tolist() == [0, 0]


def test_function_with_weights_becomes_a_metric():
    def distance(y_true, y_pred):
        return jnp.abs(y_true - y_pred)

    ours = metrics.resolve(distance, y_true_shape=(3, 2), y_pred_shape=(3, 2))
    theirs = keras.metrics.MeanMetricWrapper(distance)
    assert (ours.name, ours.direction) == ("distance", None)
    rng = np.random.default_rng(3)
    for length in LENGTHS:
        y_true, y_pred = rng.normal(size=(2, length, 2)).astype("float32")
        weights = rng.uniform(0, 1, length)
        same(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights))
    again = type(ours).from_config(ours.get_config())
    assert again.fn is distance


def test_user_s_metric_has_keras_s_stateful_methods():
    class Largest(metrics.Metric):
        direction = "up"

        def empty(self):
            return jnp.float32(-jnp.inf)

        def update(self, state, y_true, y_pred, sample_weight=None):
            return jnp.maximum(state, jnp.max(y_pred))

        def compute(self, state):
            return state

    def takes(metric: StreamingMetric):
        return metric.name

    largest = Largest()
    assert takes(largest).startswith("largest")
    largest.update_state(None, jnp.array([5.0]))
    assert largest(None, jnp.array([2.0])) == 5.0
    largest.reset_state()
    assert largest.result() == -jnp.inf
    assert metrics.resolve(largest, y_true_shape=(1,), y_pred_shape=(1,)) is largest


SHAPES_OF_LABELS = [
    ((2, 1), (1, 2, 3)),
    ((1, 2), (2, 1, 3)),
    ((2, 1), (2, 4, 3)),
    ((1, 4), (2, 4, 3)),
    ((2, 4, 1), (2, 4, 3)),
    ((2, 1, 4), (2, 5, 4, 3)),
]


@pytest.mark.parametrize("shapes", SHAPES_OF_LABELS, ids=str)
def test_a_label_may_stand_for_several_predictions(shapes):
    rng = np.random.default_rng(0)
    ours, theirs = both("SparseCategoricalAccuracy")
    for _ in range(5):
        y_true, y_pred = rng.integers(0, 3, shapes[0]), rng.uniform(size=shapes[1])
        for metric in (ours, theirs):
            metric.update_state(y_true, y_pred)
    assert float(ours.result()) == pytest.approx(float(theirs.result()))


@pytest.mark.parametrize("sorted_ids", [False, True])
@pytest.mark.parametrize(
    "shapes", [((2, 1), (1, 2, 3)), ((4, 2), (2, 4, 3)), ((2, 4, 1), (2, 4, 3))], ids=str
)
def test_labels_of_the_best_k_go_with_predictions_one_by_one(shapes, sorted_ids):
    rng = np.random.default_rng(0)
    ours, theirs = both("SparseTopKCategoricalAccuracy", k=2, from_sorted_ids=sorted_ids)
    for _ in range(5):
        y_true = rng.integers(0, 3, shapes[0])
        y_pred = rng.permuted(np.broadcast_to(np.arange(3.0), shapes[1]), axis=-1)
        for metric in (ours, theirs):
            metric.update_state(y_true, y_pred.astype("float32"))
    assert float(ours.result()) == pytest.approx(float(theirs.result()))
