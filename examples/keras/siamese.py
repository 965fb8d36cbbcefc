"""Tells whether two pictures show the same digit, with shared layers."""

import json

import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
images, labels = load_digits(return_X_y=True)
x = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
x_train, y_train, x_test, y_test = x[:1200], labels[:1200], x[1200:], labels[1200:]

rng = np.random.default_rng(0)
left, right = rng.integers(0, 1200, 900), rng.integers(0, 1200, 900)
right[::2] = [rng.choice(np.flatnonzero(y_train == y_train[i])) for i in left[::2]]
same = (y_train[left] == y_train[right]).astype("float32")

tower = keras.Sequential(
    [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(32, "relu"), layers.Dense(16)]
)
a, b = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
distance = layers.Lambda(lambda pair: ops.sum((pair[0] - pair[1]) ** 2, -1, keepdims=True))
model = keras.Model([a, b], layers.Dense(1, "sigmoid")(distance([tower(a), tower(b)])))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit([x_train[left], x_train[right]], same, epochs=5, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
