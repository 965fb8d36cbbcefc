"""``import callbax as tf``: where callbax lacks a name it is Keras's, and the model with it."""

import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from tests.keras_models.kinds import floats, whole

import callbax as tf

FIT = {"batch_size": 16, "epochs": 2, "shuffle": False, "verbose": 0}
KERAS = SimpleNamespace(keras=keras)


def functional(tf):
    layers = tf.keras.layers
    image = tf.keras.Input(shape=(8, 8, 1), name="image")
    extra = tf.keras.Input((3,))
    h = layers.Conv2DTranspose(2, 3, strides=2, activation="relu")(image)
    h = layers.Dense(5, activation="tanh")(layers.Flatten()(h))
    h = layers.Concatenate()([h, layers.Dense(2)(extra)])
    out = layers.Dense(3, activation="softmax", kernel_regularizer=tf.keras.regularizers.L2(0.01))
    model = tf.keras.Model(inputs=[image, extra], outputs=out(h), name="both")
    return model, [floats(8, 8, 1), floats(3)], whole(3)


def functional_of_native_layers(tf):
    layers = tf.keras.layers
    shared = layers.Dense(4, activation="relu")
    inputs = tf.keras.Input((4,))
    encoder = tf.keras.Sequential([layers.Dense(4), layers.Dropout(0.3)])
    out = layers.Dense(3, activation="softmax")(encoder(shared(shared(inputs))))
    return tf.keras.Model(inputs, out), floats(4), whole(3)


def sequential(tf):
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(6)])
    model.add(layers.LeakyReLU())
    model.add(layers.Dense(3, activation="softmax"))
    return model, floats(4), whole(3)


def without_a_shape(tf):
    layers = tf.keras.layers
    rows = [layers.Flatten(), layers.Dense(6), layers.UnitNormalization(), layers.Dense(3)]
    return tf.keras.Sequential([*rows, layers.Softmax()]), floats(2, 3), whole(3)


KINDS = [functional, functional_of_native_layers, sequential, without_a_shape]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_same_script_trains_to_keras_numbers(kind):
    losses = []
    for library in (KERAS, tf):
        library.keras.utils.set_random_seed(4)
        model, x, y = kind(library)
        model.compile(
            optimizer=library.keras.optimizers.SGD(0.1),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        stop = library.keras.callbacks.EarlyStopping("val_loss", patience=3)
        history = model.fit(x, y, validation_data=(x, y), callbacks=[stop], **FIT).history
        losses.append((history, model.predict(x, verbose=0)))
    (theirs, expected), (ours, received) = losses
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, rtol=1e-5, atol=1e-6, err_msg=key)
    np.testing.assert_allclose(received, expected, rtol=1e-4, atol=1e-6)


def test_native_names_stay_native_and_keras_is_not_imported():
    script = """
import sys
import callbax as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
model.compile(tf.keras.optimizers.Adam(), "mse")
assert type(model).__module__.startswith("callbax"), type(model)
print("keras" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_submodules_can_be_imported():
    script = """
from callbax.keras.preprocessing.sequence import pad_sequences
from callbax.keras.regularizers import l2
from callbax.keras.layers import Conv3D, Dense
from callbax.keras import ops
print(pad_sequences([[1], [1, 2]]).tolist(), l2(0.5).l2, ops.add(1, 1), Conv3D.__module__[:5])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[[0, 1], [1, 2]] 0.5 2 keras", done.stderr


def test_without_keras_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    # Another test may have imported the room, which then says it by itself.
    with pytest.raises((AttributeError, ImportError), match=r'pip install "callbax\[keras\]"'):
        _ = tf.keras.regularizers.L2


def test_a_name_that_nobody_has_is_what_callbax_says():
    with pytest.raises(AttributeError, match=r"(?s)`callbax.layers.Dence`.*Closest"):
        _ = tf.keras.layers.Dence


def test_a_layer_of_ones_own_cannot_be_in_a_functional_model():
    class Own(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.kept = object()

    with pytest.raises(TypeError, match=r"(?s)a layer that Keras has too.*keras.layers.Layer"):
        Own()(tf.keras.Input((2,)))
