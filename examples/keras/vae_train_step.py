"""A variational autoencoder with a training step of its own, for JAX."""

import json

import jax
import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
data = rng.normal(size=(640, 12)).astype("float32") @ rng.normal(size=(12, 12)).astype("float32")


class VAE(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = layers.Dense(8), layers.Dense(12)
        self.seeds = keras.random.SeedGenerator(1)
        self.total = keras.metrics.Mean(name="total")
        self.divergence = keras.metrics.Mean(name="divergence")

    @property
    def metrics(self):
        return [self.total, self.divergence]

    def call(self, x, training=False):
        mean, log_var = ops.split(self.encoder(x), 2, axis=-1)
        noise = keras.random.normal(ops.shape(mean), seed=self.seeds)
        return self.decoder(mean + ops.exp(log_var / 2) * noise), mean, log_var

    def loss_of(self, trainable, others, x):
        (rebuilt, mean, log_var), others = self.stateless_call(trainable, others, x, training=True)
        divergence = -0.5 * ops.mean(1 + log_var - mean**2 - ops.exp(log_var))
        return ops.mean((rebuilt - x) ** 2) + divergence, (divergence, others)

    def train_step(self, state, data):
        trainable, others, optimizer, metrics = state
        step = jax.value_and_grad(self.loss_of, has_aux=True)
        (loss, (divergence, others)), grads = step(trainable, others, data)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        sums = [
            self.total.stateless_update_state(metrics[:2], loss),
            self.divergence.stateless_update_state(metrics[2:], divergence),
        ]
        logs = {
            "total": self.total.stateless_result(sums[0]),
            "divergence": self.divergence.stateless_result(sums[1]),
        }
        return logs, (trainable, others, optimizer, [*sums[0], *sums[1]])


model = VAE()
model.compile(keras.optimizers.Adam(0.01))
history = model.fit(data, epochs=6, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
