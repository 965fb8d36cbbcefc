"""``tf.nn`` beside Keras's functions, and in a model."""

import jax
import keras
import numpy as np
import pytest

import callbax as tf

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5)).astype("float32") * 4
ACTIVATIONS = {
    "relu": keras.ops.relu,
    "relu6": keras.ops.relu6,
    "elu": keras.ops.elu,
    "selu": keras.ops.selu,
    "softplus": keras.ops.softplus,
    "softsign": keras.ops.softsign,
    "silu": keras.ops.silu,
    "swish": keras.ops.silu,
    "sigmoid": keras.ops.sigmoid,
    "tanh": keras.ops.tanh,
    "softmax": keras.ops.softmax,
    "log_softmax": keras.ops.log_softmax,
    "gelu": lambda x: keras.ops.gelu(x, approximate=False),
    "leaky_relu": lambda x: keras.ops.leaky_relu(x, 0.2),
}


def same(ours, theirs):
    assert ours.shape == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    same(getattr(tf.nn, name)(X), ACTIVATIONS[name](X))
    same(getattr(tf.nn, name)(X[0].tolist()), ACTIVATIONS[name](X[0]))


def test_their_arguments():
    same(tf.nn.leaky_relu(X, alpha=0.5), keras.ops.leaky_relu(X, 0.5))
    same(tf.nn.gelu(X, approximate=True), keras.ops.gelu(X, approximate=True))
    same(tf.nn.silu(X, beta=2.0), X * keras.ops.sigmoid(2 * X))
    same(tf.nn.softmax(X, axis=0), keras.ops.softmax(X, axis=0))
    same(tf.nn.log_softmax(X, axis=0), keras.ops.log_softmax(X, axis=0))


def test_losses():
    soft = np.asarray(keras.ops.softmax(RNG.normal(size=X.shape)), "float32")
    classes = RNG.integers(0, 5, 6)
    theirs = keras.ops.categorical_crossentropy(soft, X, from_logits=True)
    same(tf.nn.softmax_cross_entropy_with_logits(labels=soft, logits=X), theirs)
    same(tf.nn.softmax_cross_entropy_with_logits(soft.T, X.T, axis=0), theirs)
    theirs = keras.ops.sparse_categorical_crossentropy(classes, X, from_logits=True)
    same(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=X), theirs)
    theirs = keras.ops.binary_crossentropy(soft, X, from_logits=True)
    same(tf.nn.sigmoid_cross_entropy_with_logits(labels=soft, logits=X), theirs)
    same(tf.nn.l2_loss(X), np.square(X).sum() / 2)


def test_a_label_outside_of_the_classes_is_nan():
    loss = jax.jit(tf.nn.sparse_softmax_cross_entropy_with_logits)
    values = loss(np.array([0, 5, -1, 4]), X[:4])
    assert np.isnan(values).tolist() == [False, True, True, False]


def test_moments_and_lengths():
    mean, variance = tf.nn.moments(X, axes=[0])
    same(mean, X.mean(0))
    same(variance, X.var(0))
    assert tf.nn.moments(X, [0, 1], keepdims=True)[0].shape == (1, 1)
    same(tf.nn.l2_normalize(X, axis=1), X / np.linalg.norm(X, axis=1, keepdims=True))
    same(tf.nn.l2_normalize(X), X / np.linalg.norm(X))
    same(tf.nn.l2_normalize(np.zeros(3, "float32")), np.zeros(3))


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: tf.nn.softmax_cross_entropy_with_logits([0, 1], X), "sparse_softmax"),
        (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(X, X), "softmax_cross_entropy"),
        (lambda: tf.nn.sparse_softmax_cross_entropy_with_logits([0.5] * 6, X), "whole number"),
        (lambda: tf.nn.sigmoid_cross_entropy_with_logits(X[0], X), "Reshape"),
    ],
)
def test_labels_that_do_not_fit_are_refused(call, hint):
    with pytest.raises(ValueError, match=rf"(?s)\(labels, logits\)`: expected .*{hint}"):
        call()


def test_a_model_uses_them():
    def build(lib):
        keras.utils.set_random_seed(3)
        relu = tf.nn.relu if lib is tf.keras else "relu"
        layers = [lib.layers.Dense(8, activation=relu), lib.layers.Dense(5)]
        return lib.Sequential(layers)

    def loss(y_true, y_pred):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.cast(tf.reshape(y_true, [-1]), tf.int32), y_pred
        )

    y = RNG.integers(0, 5, 6)
    ours, theirs = build(tf.keras), build(keras)
    ours.compile("sgd", loss)
    theirs.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fit = {"epochs": 3, "batch_size": 2, "shuffle": False, "verbose": 0}
    histories = [model.fit(X, y, **fit).history["loss"] for model in (ours, theirs)]
    np.testing.assert_allclose(*histories, rtol=1e-5)


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "softmax", "leaky_relu", "tanh"])
def test_a_model_with_them_is_saved_and_loaded(tmp_path, name):
    layers = [tf.keras.layers.Dense(8, activation=getattr(tf.nn, name)), tf.keras.layers.Dense(2)]
    model = tf.keras.Sequential([tf.keras.layers.Input((5,)), *layers])
    model.save(tmp_path / "model.keras")
    again = tf.keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )
