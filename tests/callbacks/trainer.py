"""A tiny training run, exact to the bit, that can be backed up and resumed at any batch.

It keeps the contract that `BackupAndRestore` asks of a model: ``run_state()``; and it reads the
store of the run before the first hook, as ``fit`` does.
"""

import numpy as np

from callbax._stores._protocol import RunState
from callbax.callbacks import CallbackList
from callbax.saving._contents import Contents


class Optimizer:
    """Holds the rate as steps use it, in float32."""

    _rate = np.float32(0.25)

    @property
    def learning_rate(self):
        return float(self._rate)

    @learning_rate.setter
    def learning_rate(self, value):
        self._rate = np.float32(value)


class Trainer:
    """Fits one weight to numbers drawn in an order that depends on the seed and the step.

    Args:
        steps: Batches in an epoch, going on where the last epoch stopped; None is a whole pass.
    """

    rows = 5
    is_lead = True

    def __init__(self, steps=None, seed=3):
        self.steps, self.seed = steps, seed
        self.weight = np.zeros(2, "float32")
        self.velocity = np.zeros(2, "float32")
        self.step = 0
        self.optimizer = Optimizer()
        self.sums = np.zeros(2, "float32")
        self.order, self.pass_step, self.used = None, 0, 0
        self.stop_training = False
        self.history = None
        self.metric_directions = {}
        self.log_keys = ("loss", "val_loss")
        self.at, self.hooks = (0, 0), CallbackList()

    def get_weights(self):
        return [self.weight.copy()]

    def set_weights(self, weights):
        self.weight = weights[0].copy()

    def save(self, path, overwrite):
        with open(path, "wb") as file:
            file.write(self.weight.tobytes())

    # What BackupAndRestore needs

    def file_contents(self):
        rate = np.float32(self.optimizer.learning_rate)
        optimizer = [np.int32(self.step), rate, self.velocity]
        return Contents({"layers/dense/vars/0": self.weight}, {}, optimizer, fresh=3)

    def run_state(self, *, finished=False, whole=True):
        epoch, batch = self.at
        return RunState(
            epoch,
            batch,
            self.file_contents(),
            metrics=[self.sums],
            seed=self.seed,
            pass_step=self.pass_step,
            pass_done=self.used,
            callbacks=self.hooks.state_dict(),
            steps=self.step,
        )

    def restore(self, run):
        self.at = run.epoch, run.batch
        self.weight = run.contents.weights["layers/dense/vars/0"]
        step, rate, self.velocity = run.contents.optimizer
        self.step, self.optimizer.learning_rate = int(step), float(rate)
        (self.sums,) = run.metrics
        self.seed, self.pass_step, self.used = run.seed, run.pass_step, run.pass_done
        self.order = self.shuffled()

    # The run

    def shuffled(self):
        return np.random.default_rng([self.seed, self.pass_step]).permutation(self.rows)

    def fit(self, callbacks, epochs):
        hooks = CallbackList(callbacks, add_history=True, model=self, verbose=0, epochs=epochs)
        self.stop_training, self.at, self.hooks = False, (0, 0), hooks
        try:
            store = hooks.run_store()
            recorded = None if store is None else next(store.states(), None)
            self.settings = hooks.settings()
            hooks.on_train_begin({})
            if recorded is not None:
                if recorded.batch:
                    hooks.rejoin(recorded.epoch)
                self.restore(recorded)
                hooks.resume(self.at[0], recorded.callbacks, recorded.settings, self.settings)
            first, batch = self.at
            for epoch in range(first, epochs):
                self.at = epoch, batch
                self.start_epoch(batch)
                if batch == 0:
                    hooks.on_epoch_begin(epoch, {})
                self.batches(hooks, batch)
                batch = 0
                logs = {"loss": self.loss(), "val_loss": float(np.abs(self.weight).sum())}
                self.at = epoch + 1, 0
                hooks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            hooks.on_train_end({})
        finally:
            hooks.teardown()
        return self.history

    def start_epoch(self, batch):
        if batch == 0:
            self.sums = np.zeros(2, "float32")
        # An epoch that is resumed after its last batch has no pass to start.
        if batch == 0 and (self.order is None or self.used == self.rows):
            self.pass_step, self.used = self.step, 0
            self.order = self.shuffled()

    def batches(self, hooks, batch):
        while self.used < self.rows and batch != self.steps:
            hooks.on_train_batch_begin(batch, {})
            self.train(self.order[self.used])
            self.used += 1
            self.at = self.at[0], batch + 1
            hooks.on_train_batch_end(batch, {"loss": self.loss()})
            batch += 1
            if self.stop_training:
                break

    def train(self, row):
        gradient = (self.weight - np.array([row, -row], "float32")).astype("float32")
        self.velocity = (0.5 * self.velocity + gradient).astype("float32")
        rate = np.float32(self.optimizer.learning_rate)
        self.weight = (self.weight - rate * self.velocity).astype("float32")
        self.step += 1
        self.sums = self.sums + np.array([np.abs(gradient).sum(), 1], "float32")

    def loss(self):
        return float(self.sums[0] / self.sums[1])
