"""Flips, turns and shifts pictures while it trains."""

import json

import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
images, labels = load_digits(return_X_y=True)
x = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
x_train, y_train, x_test, y_test = x[:1200], labels[:1200], x[1200:], labels[1200:]

augment = keras.Sequential(
    [layers.RandomTranslation(0.1, 0.1), layers.RandomRotation(0.05), layers.GaussianNoise(0.05)]
)
inputs = keras.Input((8, 8, 1))
h = layers.Flatten()(layers.Conv2D(8, 3, activation="relu")(augment(inputs)))
model = keras.Model(inputs, layers.Dense(10, activation="softmax")(h))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=2, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
