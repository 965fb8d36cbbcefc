"""Names of losses, what compile makes of them, and messages."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from callbax import losses


@pytest.mark.parametrize(
    "name",
    sorted(name for name in dir(losses) if name[0] != "_" and name in losses.__all__)
    + ["mse", "MSE", "mae", "MAE", "bce", "BCE"],
)
def test_names_mean_what_they_mean_in_keras(name):
    if name in {"Loss", "LossFunctionWrapper", "get", "resolve"}:
        return
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert isinstance(ours, losses.Loss) == isinstance(theirs, keras.losses.Loss)
    assert getattr(ours, "name", None) == getattr(theirs, "name", None)
    assert getattr(ours, "__name__", None) == getattr(theirs, "__name__", None)


def test_get_takes_classes_instances_functions_and_none():
    made = losses.MeanSquaredError()
    assert losses.get(made) is made
    assert isinstance(losses.get(losses.MeanSquaredError), losses.MeanSquaredError)
    assert losses.get(jnp.subtract) is jnp.subtract
    assert losses.get(None) is None
    assert losses.resolve(None, y_true_shape=(3,), y_pred_shape=(3,)) is None


@pytest.mark.parametrize("name", ["crossentropy", "ce", "CE"])
@pytest.mark.parametrize(
    ("y_true_shape", "y_pred_shape", "function"),
    [
        ((5, 1), (5, 1), "binary_crossentropy"),
        ((5,), (5, 1), "binary_crossentropy"),
        ((5,), (5, 3), "sparse_categorical_crossentropy"),
        ((5, 1), (5, 3), "sparse_categorical_crossentropy"),
        ((5, 3), (5, 3), "categorical_crossentropy"),
        ((5, 4, 1), (5, 4, 3), "sparse_categorical_crossentropy"),
    ],
)
def test_crossentropy_is_chosen_by_shapes_as_in_keras(name, y_true_shape, y_pred_shape, function):
    from_keras = keras.src.trainers.compile_utils.get_loss(
        name, np.zeros(y_true_shape), np.zeros(y_pred_shape)
    )
    ours = losses.resolve(name, y_true_shape=y_true_shape, y_pred_shape=y_pred_shape)
    assert ours.fn.__name__ == from_keras.fn.__name__ == function
    assert ours.name == from_keras.name == name


def test_one_number_per_sample_is_binary_whatever_the_batch_size():
    for batch_size in (1, 5):
        ours = losses.resolve("ce", y_true_shape=(batch_size,), y_pred_shape=(batch_size,))
        assert ours.fn is losses.binary_crossentropy


@pytest.mark.parametrize("identifier", ["mse", "MeanSquaredError", "mean_absolute_error"])
def test_resolved_losses_bear_keras_s_names(identifier):
    y = np.zeros((3, 1))
    theirs = keras.src.trainers.compile_utils.get_loss(identifier, y, y)
    ours = losses.resolve(identifier, y_true_shape=y.shape, y_pred_shape=y.shape)
    assert ours.name == theirs.name


def zeros(*shape):
    return np.zeros(shape, "float32")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: losses.MeanSquaredError()(zeros(4, 1), zeros(4, 3)),
            ValueError,
            r"`mean_squared_error\(y_true, y_pred\)`: expected labels and predictions of one "
            r"shape.* y_true of shape \(4, 1\) and y_pred of shape \(4, 3\).\n"
            r"Give the last layer 1 output, or each sample 3 labels",
        ),
        (
            lambda: losses.MeanAbsoluteError()(zeros(4), zeros(4, 4)),
            ValueError,
            r"y_true of shape \(4,\) and y_pred of shape \(4, 4\)",
        ),
        (lambda: losses.MeanSquaredError()(0.0, 1.0), ValueError, "at least one-dimensional"),
        (
            lambda: losses.BinaryCrossentropy()(zeros(4), zeros(4, 3)),
            ValueError,
            'For one label out of many classes use "sparse_categorical_crossentropy"',
        ),
        (
            lambda: losses.CategoricalCrossentropy()(zeros(4), zeros(4, 3)),
            ValueError,
            'For integer labels use "sparse_categorical_crossentropy"',
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy()(zeros(4, 3), zeros(4, 3)),
            ValueError,
            r"expected class numbers of shape \(4,\), one per prediction, .*\n"
            'For one-hot labels use "categorical_crossentropy"',
        ),
        (
            lambda: losses.MeanSquaredError()(zeros(4, 2), zeros(4, 2), zeros(3)),
            ValueError,
            r"`sample_weight`: expected one weight for each sample.* \(3,\) .* values of shape "
            r"\(4,\)",
        ),
        (
            lambda: losses.MeanSquaredError()(zeros(4), zeros(4), zeros(4)),
            ValueError,
            r"for values of shape \(\).\n.* return one value for each sample",
        ),
        (
            lambda: losses.MeanSquaredError(reduction="avg"),
            ValueError,
            r"`MeanSquaredError\(reduction=...\)`: expected None or one of sum_over_batch_size",
        ),
        (lambda: losses.Loss()(zeros(2), zeros(2)), NotImplementedError, "overrides `call"),
        (
            lambda: losses.resolve("sparse_crossentropy", y_true_shape=(3,), y_pred_shape=(3, 4)),
            ValueError,
            r"`compile\(loss='sparse_crossentropy'\)`: no loss is registered under the name "
            r'.*\nClosest: .*"sparse_categorical_crossentropy"',
        ),
        (lambda: losses.get("msee"), ValueError, 'Closest: "mse"'),
        (lambda: losses.get(3), TypeError, r"a `Loss`, or a function of .* received 3 \(int\)"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_shape_mismatch_speaks_up_while_tracing():
    with pytest.raises(ValueError, match="labels and predictions of one shape"):
        jax.jit(losses.MeanSquaredError())(zeros(4, 1), zeros(4, 3))


def test_one_class_warns():
    with pytest.warns(SyntaxWarning, match='more than one class.*\n?Use "binary_crossentropy"'):
        losses.categorical_crossentropy(zeros(4, 1), zeros(4, 1))
