"""Weighs classes and samples, and reports weighted metrics."""

import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
x = rng.normal(size=(500, 6)).astype("float32")
labels = np.digitize(x[:, 0], [-1, 1])
weight = np.where(x[:, 1] > 0, 2.0, 0.5)

model = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3, "softmax")])
options = {"weighted_metrics": ["accuracy"]}
model.compile("adam", "sparse_categorical_crossentropy", **options)
model.fit(x, labels, class_weight={0: 3.0, 1: 1.0, 2: 3.0}, epochs=2, shuffle=False, verbose=2)
history = model.fit(x, labels, sample_weight=weight, epochs=2, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
