"""Two networks that train each other, in a training step for JAX."""

import json

import jax
import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
real = rng.normal(3, 0.5, size=(640, 2)).astype("float32")


class GAN(keras.Model):
    def __init__(self):
        super().__init__()
        self.generator = keras.Sequential(
            [keras.Input((4,)), layers.Dense(16, "relu"), layers.Dense(2)]
        )
        self.critic = keras.Sequential(
            [keras.Input((2,)), layers.Dense(16, "relu"), layers.Dense(1)]
        )
        self.seeds = keras.random.SeedGenerator(3)
        self.split = len(self.generator.trainable_variables)
        self.built = True

    def call(self, x):
        return self.critic(x)

    def losses_of(self, generator, critic, noise, x):
        fake, _ = self.generator.stateless_call(generator, [], noise)
        scores = [self.critic.stateless_call(critic, [], data)[0] for data in (x, fake)]
        cost = keras.losses.binary_crossentropy
        loss = ops.mean(cost(ops.ones_like(scores[0]), scores[0], from_logits=True))
        loss += ops.mean(cost(ops.zeros_like(scores[1]), scores[1], from_logits=True))
        return loss, ops.mean(cost(ops.ones_like(scores[1]), scores[1], from_logits=True))

    def train_step(self, state, x):
        trainable, others, optimizer, metrics = state
        with keras.StatelessScope(
            list(zip(self.non_trainable_variables, others, strict=True))
        ) as scope:
            noise = keras.random.normal((x.shape[0], 4), seed=self.seeds)
        others = [scope.get_current_value(v) for v in self.non_trainable_variables]
        generator, critic = trainable[: self.split], trainable[self.split :]
        grads = [
            *jax.grad(lambda g: self.losses_of(g, critic, noise, x)[1])(generator),
            *jax.grad(lambda c: self.losses_of(generator, c, noise, x)[0])(critic),
        ]
        critic_loss, generator_loss = self.losses_of(generator, critic, noise, x)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        logs = {"critic": critic_loss, "generator": generator_loss}
        return logs, (trainable, others, optimizer, metrics)


model = GAN()
model.compile(keras.optimizers.Adam(2e-3))
history = model.fit(real, epochs=5, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
