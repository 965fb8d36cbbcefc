"""A convolutional autoencoder that takes noise off digits."""

import json

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
images, labels = load_digits(return_X_y=True)
x = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
x_train, y_train, x_test, y_test = x[:1216], labels[:1216], x[1216:], labels[1216:]

noisy = x_train + np.random.default_rng(0).normal(0, 0.2, x_train.shape).astype("float32")

inputs = keras.Input((8, 8, 1))
h = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(inputs)
h = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(h)
model = keras.Model(inputs, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(h))
model.compile("adam", "binary_crossentropy")
history = model.fit(noisy, x_train, epochs=3, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
