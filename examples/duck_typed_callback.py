"""Callbacks without a base class: any object with hooks will do."""

from types import SimpleNamespace

import callbax as cb


class LargestRise:
    """Remembers the largest rise of the running loss from one batch to the next."""

    def __init__(self):
        self.value = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.previous_loss = None

    def on_train_batch_end(self, batch, logs=None):
        if self.previous_loss is not None:
            self.value = max(self.value, logs["loss"] - self.previous_loss)
        self.previous_loss = logs["loss"]


def print_accuracy(epoch, logs):
    print(f"Epoch {epoch}: accuracy {logs['accuracy']:.3f}")


cb.utils.set_random_seed(1)
(x_train, y_train), _ = cb.datasets.digits.load_data()
x_train = x_train.reshape(-1, 64).astype("float32") / 16

model = cb.Sequential([cb.layers.Dense(10, activation="softmax")])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
rise = LargestRise()
printer = SimpleNamespace(on_epoch_end=print_accuracy)
model.fit(x_train, y_train, epochs=5, verbose=0, callbacks=[rise, printer])
print(f"Largest rise of the running loss within an epoch: {rise.value:.4f}")
