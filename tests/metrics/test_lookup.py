"""Names of metrics, what compile makes of them, and messages."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import callbax as cb
from callbax import losses, metrics

SHAPES = [
    ((5, 1), (5, 1)),
    ((5,), (5, 1)),
    ((5,), (5, 3)),
    ((5, 1), (5, 3)),
    ((5, 3), (5, 3)),
    ((5, 4), (5, 4, 3)),
    ((5, 4, 1), (5, 4, 3)),
    ((5, 4, 3), (5, 4, 3)),
]
KERAS_NAMES = [name for name in metrics.__all__ if name in dir(keras.metrics)]
NEED_ARGUMENTS = {
    name for name in KERAS_NAMES if "At" in name or (name.endswith("IoU") and name != "BinaryIoU")
}
KERAS_NAMES = [
    name
    for name in KERAS_NAMES
    if name not in {"get", "Metric", "MeanMetricWrapper", *NEED_ARGUMENTS}
]


def resolve(identifier, shapes=((5, 1), (5, 1)), **options):
    return metrics.resolve(identifier, y_true_shape=shapes[0], y_pred_shape=shapes[1], **options)


def keras_resolve(identifier, shapes=((5, 1), (5, 1))):
    y_true, y_pred = map(np.zeros, shapes)
    return keras.src.trainers.compile_utils.get_metric(identifier, y_true, y_pred)


@pytest.mark.parametrize("name", [*KERAS_NAMES, "mse", "MSE", "mae", "MAE", "bce", "BCE"])
def test_names_mean_what_they_mean_in_keras(name):
    for library in (cb, keras):  # both count names
        library.backend.clear_session(free_memory=False)
    ours, theirs = metrics.get(name), keras.metrics.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.name == theirs.name
    assert resolve(name).name == keras_resolve(name).name == name


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("name", ["accuracy", "acc", "Accuracy", "ACC"])
def test_accuracy_is_chosen_by_shapes_as_in_keras(name, shapes):
    ours, theirs = resolve(name, shapes), keras_resolve(name, shapes)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.name == theirs.name == name


@pytest.mark.parametrize("name", ["crossentropy", "ce"])
@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        (SHAPES[0], metrics.BinaryCrossentropy),
        (SHAPES[2], metrics.SparseCategoricalCrossentropy),
        (SHAPES[4], metrics.CategoricalCrossentropy),
    ],
)
def test_crossentropy_follows_shapes_and_the_loss(name, shapes, kind):
    for from_logits in (False, True):
        made = resolve(name, shapes, loss=losses.BinaryCrossentropy(from_logits=from_logits))
        assert type(made) is kind
        assert (made.name, made.from_logits) == (name, from_logits)
    assert resolve(name, shapes, loss=losses.MeanSquaredError()).from_logits is False


def root(y_true, y_pred):
    return jnp.sqrt(jnp.abs(y_true - y_pred))[:, 0]


@pytest.mark.parametrize(
    ("ours", "theirs", "direction"),
    [
        (metrics.BinaryAccuracy, keras.metrics.BinaryAccuracy, "up"),
        (metrics.BinaryAccuracy(name="b"), keras.metrics.BinaryAccuracy(name="b"), "up"),
        (losses.mean_squared_error, keras.losses.mean_squared_error, "down"),
        (losses.MeanSquaredError(), keras.losses.MeanSquaredError(), "down"),
        (root, root, None),
    ],
)
def test_what_is_not_a_name(ours, theirs, direction):
    ours, theirs = resolve(ours), keras_resolve(theirs)
    assert ours.name == theirs.name
    assert ours.direction == getattr(theirs, "_direction", None) == direction
    y_true, y_pred = np.ones((5, 1), "float32"), np.linspace(0, 1, 5, dtype="float32")[:, None]
    np.testing.assert_allclose(ours(y_true, y_pred), theirs(y_true, y_pred), rtol=1e-6)


def test_lambdas_and_directions_of_functions():
    assert resolve(lambda y_true, y_pred: y_pred).name == "lambda"
    assert resolve(metrics.sparse_top_k_categorical_accuracy).direction == "up"
    assert metrics.get(root) is root
    assert metrics.get(None) is None


def zeros(*shape):
    return np.zeros(shape, "float32")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: resolve("acuracy"),
            ValueError,
            r"`compile\(metrics=\['acuracy'\]\)`: no metric is .*\nClosest: .*\"accuracy\"",
        ),
        (lambda: metrics.get("root_mean_square"), ValueError, '"root_mean_squared_error"'),
        (lambda: metrics.get(3), TypeError, r"a `Metric`, or a function of .* received 3 \(int\)"),
        (lambda: resolve(None), ValueError, "expected a metric in every place, received None"),
        (
            lambda: metrics.Metric().update_state(1, 2),
            NotImplementedError,
            r"`Metric`: expected a metric that overrides `empty\(self\)`",
        ),
        (
            lambda: metrics.RootMeanSquaredError()(zeros(4, 1), zeros(4, 3)),
            ValueError,
            r"`RootMeanSquaredError\(y_true, y_pred\)`: expected labels and predictions of one",
        ),
        (lambda: metrics.Accuracy()(zeros(4, 1), zeros(4, 3)), ValueError, r"`accuracy\(y_true"),
        (
            lambda: metrics.BinaryAccuracy()(zeros(4), zeros(4, 3)),
            ValueError,
            'For one label out of many classes use "sparse_categorical_accuracy"',
        ),
        (
            lambda: metrics.CategoricalAccuracy()(zeros(4), zeros(4, 3)),
            ValueError,
            'For integer labels use "sparse_categorical_accuracy"',
        ),
        (
            lambda: metrics.SparseCategoricalAccuracy()(zeros(4, 3), zeros(4, 3)),
            ValueError,
            'For one-hot labels use "categorical_accuracy"',
        ),
        (
            lambda: metrics.TopKCategoricalAccuracy()(zeros(4), zeros(4, 3)),
            ValueError,
            'For integer labels use "sparse_top_k_categorical_accuracy"',
        ),
        (
            lambda: metrics.SparseTopKCategoricalAccuracy()(zeros(4, 3), zeros(4, 3)),
            ValueError,
            'For one-hot labels use "top_k_categorical_accuracy"',
        ),
        (
            lambda: metrics.MeanSquaredError()(zeros(4, 3), zeros(4, 3), zeros(3)),
            ValueError,
            r"`sample_weight`: expected one weight for each sample",
        ),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call()
