"""Trains a base, freezes it under a new head, then fine-tunes all of it."""

import json

import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
images, labels = load_digits(return_X_y=True)
x = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
x_train, y_train, x_test, y_test = x[:1216], labels[:1216], x[1216:], labels[1216:]

base = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(16, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.GlobalAveragePooling2D(),
    ]
)
first = keras.Sequential([base, layers.Dense(10, activation="softmax")])
first.compile("adam", "sparse_categorical_crossentropy")
first.fit(x_train, y_train, epochs=2, shuffle=False, verbose=2)

base.trainable = False
inputs = keras.Input((8, 8, 1))
model = keras.Model(inputs, layers.Dense(1, "sigmoid")(base(inputs, training=False)))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train % 2, epochs=2, shuffle=False, verbose=2)

base.trainable = True
model.compile(keras.optimizers.Adam(1e-4), "binary_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train % 2, epochs=2, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
