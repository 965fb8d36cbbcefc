"""A small transformer that classifies sequences."""

import json

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
tokens = rng.integers(0, 30, (512, 16))
labels = (tokens[:, :8].sum(1) > tokens[:, 8:].sum(1)).astype("int32")


class Block(layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.attend = layers.MultiHeadAttention(heads, width // heads, dropout=0.1)
        self.feed = keras.Sequential([layers.Dense(2 * width, "gelu"), layers.Dense(width)])
        self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]

    def call(self, x, training=False):
        x = self.norms[0](x + self.attend(x, x, training=training))
        return self.norms[1](x + self.feed(x))


class Tokens(layers.Layer):
    def __init__(self, words, length, width):
        super().__init__()
        self.words, self.places = layers.Embedding(words, width), layers.Embedding(length, width)

    def call(self, x):
        return self.words(x) + self.places(ops.arange(x.shape[-1]))


inputs = keras.Input((16,), dtype="int32")
h = Block(32, 4)(Tokens(30, 16, 32)(inputs))
model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(h)))
model.compile(
    keras.optimizers.AdamW(3e-3),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
history = model.fit(tokens, labels, epochs=4, shuffle=False, validation_split=0.25, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
