"""Reads batches from tf.data, if TensorFlow is there."""

import importlib.util
import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
x = rng.normal(size=(330, 6)).astype("float32")
y = x.sum(1, keepdims=True)
if importlib.util.find_spec("tensorflow") is None:
    print("TensorFlow is not installed: the same arrays are used as they are")
    data = {"x": x, "y": y, "batch_size": 32}
else:
    tf = importlib.import_module("tensorflow")
    data = {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(32).prefetch(2)}

model = keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(**data, epochs=3, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
