"""Two outputs with losses of their own, and metrics for each."""

import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 8)).astype("float32")
age, kind = np.abs(x[:, :1] * 10), np.digitize(x[:, 1], [-0.5, 0.5])
inputs = keras.Input((8,))
h = layers.Dense(24, "relu")(inputs)
outputs = [layers.Dense(1, name="age")(h), layers.Dense(3, "softmax", name="kind")(h)]
model = keras.Model(inputs, outputs)
model.compile(
    "adam",
    loss={"age": "mae", "kind": "sparse_categorical_crossentropy"},
    loss_weights={"age": 0.1, "kind": 1.0},
    metrics={"age": ["mse"], "kind": ["accuracy"]},
)
history = model.fit(x, {"age": age, "kind": kind}, epochs=4, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
