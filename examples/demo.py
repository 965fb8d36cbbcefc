"""Trains a classifier on handwritten digits with four custom callbacks, and draws its curve.

Uses MNIST if it is cached, scikit-learn's small digits otherwise; downloads nothing.
"""

from pathlib import Path

from matplotlib.figure import Figure

import callbax as cb

PICTURE = Path(__file__).resolve().parents[1] / "out" / "learning_curve.png"


class TraceFirstBatches(cb.callbacks.Callback):
    execution = "fused"  # it reads no clock: several steps may run in one go

    def on_epoch_begin(self, epoch, logs=None):
        self.batches = 3 if epoch == 0 else 0

    def on_train_batch_begin(self, batch, logs=None):
        if batch < self.batches:
            print(f"Batch {batch} of {logs['size']} samples begins")

    def on_train_batch_end(self, batch, logs=None):
        if batch < self.batches:
            print(f"Batch {batch} ends: loss {logs['loss']:.4f}")


class PrintLosses(cb.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(f"Epoch {epoch}: loss {logs['loss']:.4f}, validation loss {logs['val_loss']:.4f}")


class StopAtMinimalLoss(cb.callbacks.Callback):
    def __init__(self, patience):
        self.patience = patience

    def on_train_begin(self, logs=None):
        self.best_loss, self.best_epoch, self.best_weights = float("inf"), 0, None

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.best_loss:
            self.best_loss, self.best_epoch = logs["val_loss"], epoch
            self.best_weights = self.model.get_weights()
        elif epoch - self.best_epoch >= self.patience:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        self.model.set_weights(self.best_weights)
        print(f"Back to the weights of epoch {self.best_epoch}")


class HalveLearningRate(cb.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch in (4, 8, 12, 16):
            self.model.optimizer.learning_rate /= 2
            print(f"Epoch {epoch}: learning rate {self.model.optimizer.learning_rate:.5f}")


cb.utils.set_random_seed(1)
try:
    (x_train, y_train), (x_test, y_test) = cb.datasets.mnist.load_data(download=False)
except FileNotFoundError:
    (x_train, y_train), (x_test, y_test) = cb.datasets.digits.load_data()
print(f"{len(x_train)} training and {len(x_test)} test images of shape {x_train.shape[1:]}")
brightest = x_train.max()
x_train = x_train.reshape(len(x_train), -1).astype("float32") / brightest
x_test = x_test.reshape(len(x_test), -1).astype("float32") / brightest

model = cb.Sequential(
    [cb.layers.Dense(128, activation="relu"), cb.layers.Dense(10, activation="softmax")]
)
model.compile(
    optimizer=cb.optimizers.Adam(learning_rate=0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
callbacks = [TraceFirstBatches(), HalveLearningRate(), PrintLosses(), StopAtMinimalLoss(2)]
history = model.fit(
    x_train, y_train, batch_size=64, epochs=20, validation_split=0.1, callbacks=callbacks
)

scores = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
print(f"Test loss {scores['loss']:.4f}, test accuracy {scores['accuracy']:.4f}")
print("Predicted", *model.predict(x_test[:12], verbose=0).argmax(axis=-1))
print("True     ", *y_test[:12])

figure = Figure(figsize=(9, 3.5), layout="constrained")
for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
    axes.plot(history.epoch, history.history[name], label="training")
    axes.plot(history.epoch, history.history[f"val_{name}"], label="validation")
    axes.set(xlabel="epoch", title=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
PICTURE.parent.mkdir(exist_ok=True)
figure.savefig(PICTURE)
print("Learning curve:", PICTURE)
