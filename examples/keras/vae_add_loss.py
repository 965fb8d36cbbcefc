"""A variational autoencoder whose layers add their own losses."""

import json

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
data = rng.normal(size=(640, 12)).astype("float32")


class Sampling(layers.Layer):
    def __init__(self):
        super().__init__()
        self.seeds = keras.random.SeedGenerator(7)

    def call(self, inputs):
        mean, log_var = inputs
        self.add_loss(-0.5 * ops.mean(1 + log_var - mean**2 - ops.exp(log_var)))
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        return mean + ops.exp(log_var / 2) * noise


inputs = keras.Input((12,))
code = Sampling()([layers.Dense(3)(inputs), layers.Dense(3)(inputs)])
model = keras.Model(inputs, layers.Dense(12)(code))
model.compile("adam", "mse")
history = model.fit(data, data, epochs=5, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
