"""A model without training, and a fit without batches."""

from types import SimpleNamespace

import numpy as np


class FakeModel:
    """What callbacks see of a model; its one weight is the number of the epoch.

    At a validation within an epoch it is a tenth more for each batch of the epoch.
    """

    metrics = ()  # Keras's callbacks look for directions here.
    validates_by_batch = False

    def __init__(self, learning_rate=0.1, **metric_directions):
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history = None
        self.log_keys = None
        self.optimizer = SimpleNamespace(learning_rate=learning_rate, iterations=0)
        self.metric_directions = metric_directions
        self.weights = [np.array([-1.0])]
        self.saved = []

    def get_weights(self):
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights):
        self.weights = [weight.copy() for weight in weights]

    def save(self, path, overwrite):
        self.write(path, "model", overwrite)

    def save_weights(self, path, overwrite):
        self.write(path, "weights", overwrite)

    def write(self, path, kind, overwrite):
        """Notes what was asked for, by name, and makes a file to look for."""
        assert overwrite
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{kind} {self.weights[0][0]}")
        self.saved.append(str(path).rpartition("/")[2])


def fit(callback, model, epoch_logs, batch_logs=(), validations=None):
    """Drives one callback through epochs with the given logs; returns the logs as it left them.

    Each epoch has a batch for each of `batch_logs`. `validations` within epochs are (epoch, batch)
    -> ``val_`` logs, for a callback that knows of them.
    """
    callback.set_model(model)
    model.stop_training = False
    model.validates_by_batch = validations is not None
    callback.on_train_begin({})
    seen = []
    for epoch, logs in enumerate(epoch_logs):
        callback.on_epoch_begin(epoch, {})
        model.weights = [np.array([float(epoch)])]
        latest = {}
        for batch, own in enumerate(batch_logs):
            model.optimizer.iterations += 1
            callback.on_train_batch_end(batch, dict(own))
            if validations is not None and (epoch, batch) in validations:
                latest = validations[epoch, batch]
                model.weights = [np.array([epoch + (batch + 1) / 10])]
                callback.on_validation_end(batch, {**own, **latest})
            if model.stop_training:
                break
        seen.append({**logs, **latest})
        callback.on_epoch_end(epoch, seen[-1])
        if model.stop_training:
            break
    callback.on_train_end({})
    return seen
