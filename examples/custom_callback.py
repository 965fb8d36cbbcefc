"""A callback that writes weights: it replaces them by their average over the last epochs.

Source of the idea: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
Generalization", https://arxiv.org/abs/1803.05407
"""

import numpy as np

import callbax as cb


class AverageWeights(cb.callbacks.Callback):
    """Averages the weights at the ends of all epochs from `first_epoch` on."""

    def __init__(self, first_epoch):
        super().__init__()
        self.first_epoch = first_epoch

    def on_train_begin(self, logs=None):
        self.snapshots = []

    def on_epoch_end(self, epoch, logs=None):
        if epoch >= self.first_epoch:
            self.snapshots.append(self.model.get_weights())

    def on_train_end(self, logs=None):
        self.last_weights = self.model.get_weights()
        if self.snapshots:
            average = [np.mean(arrays, axis=0) for arrays in zip(*self.snapshots, strict=True)]
            self.model.set_weights(average)


cb.utils.set_random_seed(1)
(x_train, y_train), (x_test, y_test) = cb.datasets.digits.load_data()
x_train = x_train.reshape(-1, 64).astype("float32") / 16
x_test = x_test.reshape(-1, 64).astype("float32") / 16

model = cb.Sequential(
    [cb.layers.Dense(32, activation="relu"), cb.layers.Dense(10, activation="softmax")]
)
# A rate this high keeps the weights jumping around a minimum, which averaging evens out.
model.compile(
    optimizer=cb.optimizers.SGD(learning_rate=1.0),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
averaging = AverageWeights(first_epoch=10)
model.fit(x_train, y_train, epochs=30, verbose=0, callbacks=[averaging])

averaged = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
model.set_weights(averaging.last_weights)
last = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
print(f"last weights:     test loss {last['loss']:.4f}, accuracy {last['accuracy']:.4f}")
print(f"averaged weights: test loss {averaged['loss']:.4f}, accuracy {averaged['accuracy']:.4f}")
