"""A model without training, and a fit without batches."""

from types import SimpleNamespace

import numpy as np


class FakeModel:
    """What callbacks see of a model; its one weight is the number of the epoch."""

    def __init__(self, learning_rate=0.1, **metric_directions):
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history = None
        self.optimizer = SimpleNamespace(learning_rate=learning_rate)
        self.metric_directions = metric_directions
        self.weights = [np.array([-1.0])]

    def get_weights(self):
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights):
        self.weights = [weight.copy() for weight in weights]


def fit(callback, model, epoch_logs):
    """Drives one callback through epochs with the given logs; returns the logs as it left them."""
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin({})
    seen = []
    for epoch, logs in enumerate(epoch_logs):
        callback.on_epoch_begin(epoch, {})
        model.weights = [np.array([float(epoch)])]
        seen.append(dict(logs))
        callback.on_epoch_end(epoch, seen[-1])
        if model.stop_training:
            break
    callback.on_train_end({})
    return seen
