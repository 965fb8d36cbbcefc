"""Trains on an endless generator, by steps."""

import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)


def batches():
    rng = np.random.default_rng(0)
    while True:
        x = rng.normal(size=(32, 4)).astype("float32")
        yield x, np.sin(x).sum(1, keepdims=True)


model = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "huber")
history = model.fit(batches(), steps_per_epoch=25, epochs=4, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
