"""A decaying rate, accumulated gradients, clipping and averaged weights."""

import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
x = rng.normal(size=(512, 10)).astype("float32")
y = (x @ rng.normal(size=(10, 1)) > 0).astype("float32")
model = keras.Sequential([layers.Dense(16, "relu", kernel_regularizer="l2"), layers.Dense(1)])
optimizer = keras.optimizers.Adam(
    keras.optimizers.schedules.CosineDecay(0.02, 60, warmup_steps=5, warmup_target=0.02),
    gradient_accumulation_steps=2,
    global_clipnorm=1.0,
    use_ema=True,
    ema_momentum=0.9,
)
loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)
model.compile(optimizer, loss, metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])
history = model.fit(x, y, epochs=4, shuffle=False, validation_data=(x, y), verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
