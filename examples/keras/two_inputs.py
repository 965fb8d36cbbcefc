"""A functional model of an image and a table."""

import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
images = rng.normal(size=(400, 8, 8, 1)).astype("float32")
table = rng.normal(size=(400, 5)).astype("float32")
price = images.mean((1, 2)) * 3 + table[:, :1] - table[:, 1:2]

image, row = keras.Input((8, 8, 1), name="image"), keras.Input((5,), name="table")
h = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="relu")(image))
h = layers.Concatenate()([h, layers.Dense(8, activation="relu")(row)])
model = keras.Model([image, row], layers.Dense(1, name="price")(h))
model.compile(keras.optimizers.RMSprop(3e-3), "mse", metrics=["mae"])
history = model.fit(
    {"image": images, "table": table}, price, epochs=5, shuffle=False, verbose=2, batch_size=25
)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
