"""A loss and a metric of one's own, saved and loaded with the model."""

import json
import tempfile

import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(0)


@keras.saving.register_keras_serializable()
class Quantile(keras.losses.Loss):
    def __init__(self, share=0.9, **kwargs):
        super().__init__(**kwargs)
        self.share = share

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(self.share * error, (self.share - 1) * error), -1)

    def get_config(self):
        return {**super().get_config(), "share": self.share}


@keras.saving.register_keras_serializable()
class Coverage(keras.metrics.Metric):
    def __init__(self, name="coverage", **kwargs):
        super().__init__(name=name, **kwargs)
        self.below = self.add_weight(name="below", initializer="zeros")
        self.seen = self.add_weight(name="seen", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.below.assign_add(ops.sum(ops.cast(y_true <= y_pred, "float32")))
        self.seen.assign_add(ops.cast(ops.size(y_true), "float32"))

    def result(self):
        return self.below / self.seen


rng = np.random.default_rng(0)
x = rng.normal(size=(512, 3)).astype("float32")
y = x.sum(1, keepdims=True) + rng.exponential(size=(512, 1))
model = keras.Sequential([keras.Input((3,)), layers.Dense(8, "relu"), layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01), Quantile(0.8), metrics=[Coverage()])
model.fit(x, y, epochs=3, shuffle=False, verbose=2)
with tempfile.TemporaryDirectory() as folder:
    model.save(f"{folder}/model.keras")
    model = keras.models.load_model(f"{folder}/model.keras")
history = model.fit(x, y, epochs=2, shuffle=False, verbose=2)
print(json.dumps({key: values[-1] for key, values in history.history.items()}))
