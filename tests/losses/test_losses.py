"""Every loss beside Keras's, over shapes, label dtypes, weights, arguments and reductions."""

import inspect
import itertools
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from callbax import losses, metrics

CLASSES = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
]
REDUCTIONS = ["sum", "mean", "mean_with_sample_weight", "sum_over_batch_size", "none", None]
OPTIONS = {
    "BinaryCrossentropy": [{}, {"from_logits": True}, {"label_smoothing": 0.2}],
    "CategoricalCrossentropy": [
        {},
        {"from_logits": True},
        {"label_smoothing": 0.2},
        {"from_logits": True, "label_smoothing": 0.1},
    ],
    "MeanAbsoluteError": [{}],
    "MeanSquaredError": [{}],
    "SparseCategoricalCrossentropy": [
        {},
        {"from_logits": True},
        {"ignore_class": 1},
        {"from_logits": True, "ignore_class": -1},
    ],
}
SHAPES = {
    "SparseCategoricalCrossentropy": [
        ((6,), (6, 4)),
        ((6, 1), (6, 4)),
        ((6, 3), (6, 3, 4)),
        ((6, 3, 1), (6, 3, 4)),
    ],
    "CategoricalCrossentropy": [((6, 4), (6, 4)), ((6, 3, 4), (6, 3, 4))],
    "other": [
        ((6, 4), (6, 4)),
        ((6,), (6, 1)),
        ((6, 1), (6,)),
        ((6, 3), (6, 3, 1)),
        ((6, 3, 1), (6, 3)),
        ((6, 2, 3), (6, 2, 3)),
        ((6,), (6,)),
    ],
}
CASES = [
    (name, options, shapes)
    for name in CLASSES
    for options in OPTIONS[name]
    for shapes in SHAPES.get(name, SHAPES["other"])
]


def batch(name, options, shapes, rng):
    """Labels and predictions as this loss wants them, with some that are exactly 0 and 1."""
    y_true_shape, y_pred_shape = shapes
    y_pred = rng.normal(0, 3, y_pred_shape)
    if not options.get("from_logits") and "Crossentropy" in name:
        y_pred = np.clip(np.abs(y_pred) / 4, 0, 1)
        if name != "BinaryCrossentropy":
            y_pred += 1e-3
    if name == "SparseCategoricalCrossentropy":
        y_true = rng.integers(min(options.get("ignore_class", 0), 0), 4, y_true_shape)
    elif name == "CategoricalCrossentropy":
        y_true = np.eye(y_true_shape[-1])[rng.integers(0, y_true_shape[-1], y_true_shape[:-1])]
    elif name == "BinaryCrossentropy":
        y_true = rng.integers(0, 2, y_true_shape)
    else:
        y_true = rng.normal(size=y_true_shape)
    return y_true, y_pred.astype("float32")


def close(ours, theirs, message=""):
    assert ours.shape == theirs.shape, message
    assert ours.dtype == theirs.dtype, message
    np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-7, err_msg=message)


@pytest.mark.every(2)
@pytest.mark.parametrize(("name", "options", "shapes"), CASES)
def test_equals_keras(name, options, shapes):
    rng = np.random.default_rng(0)
    y_true, y_pred = batch(name, options, shapes, rng)
    function = getattr(keras.losses, name)(**options, reduction="none")
    values_shape = function(y_true, y_pred).shape
    weights = [None]
    if values_shape:
        weights += [rng.uniform(0, 2, (6,) + (1,) * (len(values_shape) - 1)).astype("float32")]
        weights += [rng.uniform(0, 2, values_shape), np.zeros(values_shape, "float32")]
        weights += [rng.integers(0, 3, (*values_shape, 1)), np.float32(0.5)]
    for reduction, weight in itertools.product(REDUCTIONS, weights):
        ours = getattr(losses, name)(**options, reduction=reduction)
        theirs = getattr(keras.losses, name)(**options, reduction=reduction)
        message = f"{reduction=}, weights of shape {np.shape(weight)}"
        close(ours(y_true, y_pred, weight), theirs(y_true, y_pred, weight), message)


@pytest.mark.every(3)
@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32", "float64", "bool"])
@pytest.mark.parametrize("name", CLASSES)
def test_labels_of_any_dtype(name, dtype):
    shapes = SHAPES.get(name, SHAPES["other"])[0]
    y_true, y_pred = batch(name, {}, shapes, np.random.default_rng(1))
    y_true = y_true.astype(dtype)
    close(getattr(losses, name)()(y_true, y_pred), getattr(keras.losses, name)()(y_true, y_pred))


@pytest.mark.every(3)
@pytest.mark.parametrize(("name", "options", "shapes"), CASES)
def test_gradient_equals_keras_s(name, options, shapes):
    y_true, y_pred = batch(name, options, shapes, np.random.default_rng(2))
    slopes = [
        jax.jit(jax.grad(lambda y_pred, loss=loss: loss(y_true, y_pred)))(y_pred)
        for loss in (getattr(losses, name)(**options), getattr(keras.losses, name)(**options))
    ]
    close(*slopes)
    assert np.isfinite(slopes[0]).all()


@pytest.mark.every(3)
@pytest.mark.parametrize(("name", "options", "shapes"), CASES)
def test_functions_equal_keras_s(name, options, shapes):
    y_true, y_pred = batch(name, options, shapes, np.random.default_rng(3))
    function = getattr(keras.losses.get(keras.losses.get(name).name), "__name__", None)
    theirs = getattr(keras.losses, function)
    if name == "BinaryCrossentropy" and y_true.shape != y_pred.shape:
        with pytest.raises(ValueError, match="same shape"):
            theirs(y_true, y_pred, **options)
        y_true = y_true.reshape(y_pred.shape)
    close(getattr(losses, function)(y_true, y_pred, **options), theirs(y_true, y_pred, **options))


@pytest.mark.parametrize("name", ["CategoricalCrossentropy", "SparseCategoricalCrossentropy"])
def test_classes_on_another_axis(name):
    rng = np.random.default_rng(4)
    y_pred = rng.uniform(0.1, 1, (5, 4, 3)).astype("float32")
    classes = rng.integers(0, 4, (5, 3))
    one_hot = np.moveaxis(np.eye(4)[classes], -1, 1)
    y_true = classes if name.startswith("Sparse") else one_hot
    theirs = keras.losses.CategoricalCrossentropy(axis=1)(one_hot, y_pred)
    close(getattr(losses, name)(axis=1)(y_true, y_pred), theirs)


@pytest.mark.parametrize("name", CLASSES)
def test_signature_is_keras_s(name):
    def arguments(entry):
        return [(p.name, p.default) for p in inspect.signature(entry).parameters.values()]

    assert arguments(getattr(losses, name)) == arguments(getattr(keras.losses, name))
    function = losses.get(keras.losses.get(name).name)
    assert arguments(function) == arguments(getattr(keras.losses, function.__name__))


@pytest.mark.parametrize("name", CLASSES)
def test_config_survives_json_and_reads_keras_s(name):
    options = OPTIONS[name][-1]
    ours, theirs = getattr(losses, name)(**options), getattr(keras.losses, name)(**options)
    described = {"class_name": name, "config": json.loads(json.dumps(ours.get_config()))}
    for config in (described, keras.losses.serialize(theirs)):
        made = losses.get({**config, "config": {**config["config"], "reduction": "sum"}})
        assert type(made) is type(ours)
        assert made.get_config() == {**ours.get_config(), "reduction": "sum"}


def test_weights_of_samples_weight_all_their_steps():
    rng = np.random.default_rng(5)
    y_true, y_pred = rng.normal(size=(2, 4, 4, 2)).astype("float32")
    weights = np.array([0.0, 1.0, 2.0, 3.0], "float32")
    ours = losses.MeanSquaredError()(y_true, y_pred, weights)
    close(ours, keras.losses.MeanSquaredError()(y_true, y_pred, weights[:, None]))


def test_runs_in_a_compiled_loop():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    y_true = jnp.arange(12).reshape(3, 4) % 3
    y_pred = jnp.sin(jnp.arange(36.0)).reshape(3, 4, 3)

    @jax.jit
    def run(y_true, y_pred):
        return jax.lax.fori_loop(
            0, 3, lambda i, total: total + loss(y_true[i], y_pred[i]), jnp.float32(0)
        )

    expected = sum(loss(y_true[i], y_pred[i]) for i in range(3))
    np.testing.assert_allclose(run(y_true, y_pred), expected, rtol=1e-6)


def test_user_s_loss_and_function():
    class Signed(losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.mean(y_pred - y_true, axis=-1)

    class SignedInKeras(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.mean(y_pred - y_true, axis=-1)

    def signed(y_true, y_pred):
        return jnp.mean(y_pred - y_true, axis=-1)

    y_true, y_pred, weights = np.array([1, 2, 3]), np.array([[1.5], [2.5], [5.0]]), [1.0, 2.0, 0.0]
    theirs = SignedInKeras(name="s")(y_true[:, None], y_pred, weights)
    assert Signed(name="s").get_config() == {"name": "s", "reduction": "sum_over_batch_size"}
    assert Signed().name.startswith("signed")
    close(Signed()(y_true[:, None], y_pred, weights), theirs)
    resolved = losses.resolve(signed, y_true_shape=(3,), y_pred_shape=(3, 1))
    assert resolved.name == "signed"
    close(resolved(y_true, y_pred, weights), theirs)
    close(type(resolved).from_config(resolved.get_config())(y_true, y_pred, weights), theirs)


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("room", [losses, metrics])
def test_smoothing_along_another_axis_counts_the_classes_there(room, from_logits, axis):
    rng = np.random.default_rng(0)
    y_true = np.eye(4, dtype="float32")[rng.integers(0, 4, (2, 3))]
    y_pred = rng.uniform(0.1, 1, (2, 3, 4)).astype("float32")
    options = {"from_logits": from_logits, "label_smoothing": 0.2}
    # Keras with the classes last is right in every version.
    expected = keras.losses.CategoricalCrossentropy(**options)(y_true, y_pred)
    moved = (np.moveaxis(values, -1, axis) for values in (y_true, y_pred))
    received = room.CategoricalCrossentropy(**options, axis=axis)(*moved)
    assert float(received) == pytest.approx(float(expected), rel=1e-5)
