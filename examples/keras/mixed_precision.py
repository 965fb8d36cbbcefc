"""Computes in bfloat16, keeps weights in float32, and scales the loss by hand."""

import json

import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(0)
images, labels = load_digits(return_X_y=True)
x = (images / 16).reshape(-1, 8, 8, 1).astype("float32")
x_train, y_train, x_test, y_test = x[:1200], labels[:1200], x[1200:], labels[1200:]

keras.mixed_precision.set_global_policy("mixed_bfloat16")
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, dtype="float32"),
    ]
)
optimizer = keras.optimizers.LossScaleOptimizer(
    keras.optimizers.Adam(3e-3), initial_scale=64.0, dynamic_growth_steps=20
)
model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
history = model.fit(x_train, y_train, epochs=4, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
