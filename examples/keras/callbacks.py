"""Callbacks of every hook: they look at weights, change the rate and stop the run."""

import json

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 5)).astype("float32")
y = x.sum(1, keepdims=True)


class Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls, self.norms = {}, []

    def count(self, hook):
        self.calls[hook] = self.calls.get(hook, 0) + 1

    def on_train_batch_begin(self, batch, logs=None):
        self.count("batch begin")

    def on_train_batch_end(self, batch, logs=None):
        self.count("batch end")
        self.norms.append(float(np.linalg.norm(self.model.get_weights()[0])))
        if len(self.norms) == 20:
            self.model.optimizer.learning_rate = 0.005

    def on_test_batch_end(self, batch, logs=None):
        self.count("test batch end")

    def on_epoch_end(self, epoch, logs=None):
        self.count("epoch end")
        logs["norm"] = self.norms[-1]
        self.model.predict(x[:4], verbose=0)


watch = Watch()
model = keras.Sequential([keras.Input((5,)), layers.Dense(8, "tanh"), layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.05), "mse")
history = model.fit(
    x,
    y,
    epochs=20,
    shuffle=False,
    validation_split=0.25,
    verbose=0,
    callbacks=[
        watch,
        keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.5),
        keras.callbacks.LambdaCallback(on_train_end=lambda logs: print("ended")),
    ],
)
print(watch.calls, sum(watch.norms))
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
