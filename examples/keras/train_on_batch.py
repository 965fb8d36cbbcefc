"""A loop of one's own over `train_on_batch` and `test_on_batch`."""

import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
x = rng.normal(size=(320, 6)).astype("float32")
y = x[:, :1] * x[:, 1:2]
model = keras.Sequential([keras.Input((6,)), layers.Dense(16, "relu"), layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
for epoch in range(3):
    for start in range(0, 320, 32):
        logs = model.train_on_batch(x[start : start + 32], y[start : start + 32], return_dict=True)
    print(epoch, logs)
result = model.test_on_batch(x, y, return_dict=True)
print(json.dumps({key: float(value) for key, value in result.items()}))
