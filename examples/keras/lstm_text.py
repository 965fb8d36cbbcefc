"""Classifies sequences of tokens with an embedding and an LSTM; padding is masked."""

import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
tokens = rng.integers(1, 50, (640, 20))
for row, length in enumerate(rng.integers(5, 21, 640)):
    tokens[row, length:] = 0
labels = (tokens % 7 == 0).sum(1) > 1

model = keras.Sequential(
    [
        keras.Input((20,), dtype="int32"),
        layers.Embedding(50, 16, mask_zero=True),
        layers.LSTM(16),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
history = model.fit(
    tokens, labels, batch_size=32, epochs=4, shuffle=False, validation_split=0.2, verbose=2
)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
