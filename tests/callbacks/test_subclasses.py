"""Subclasses of the built-in callbacks, as scripts have them: what they override is called."""

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

import callbax

LOSSES = [{"loss": loss} for loss in (0.5, 0.4, 0.45, 0.3, 0.6, 0.6, 0.6, 0.6)]


def of_both(make):
    """Returns what a test gets out of the same subclass of Keras's class and of callbax's."""
    return [make(library.callbacks) for library in (keras, callbax)]


# EarlyStopping


def no_value(callbacks):
    class Own(callbacks.EarlyStopping):
        def get_monitor_value(self, logs):
            return None

    return Own


def grown(callbacks):
    class Own(callbacks.EarlyStopping):
        calls = 0

        def get_monitor_value(self, logs):
            self.calls += 1
            return np.float32(self.calls)

    return Own


def later(callbacks):
    class Own(callbacks.EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            if epoch >= 2:
                super().on_epoch_end(epoch, logs)

    return Own


def own_improvement(callbacks):
    class Own(callbacks.EarlyStopping):
        def _is_improvement(self, monitor_value, reference_value):
            return reference_value is None or monitor_value < 0.9 * reference_value

    return Own


def assigned_op(callbacks):
    class Own(callbacks.EarlyStopping):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.monitor_op = np.greater

    return Own


def own_op(callbacks):
    class Own(callbacks.EarlyStopping):
        def _set_monitor_op(self):
            self.monitor_op = lambda value, reference: value > reference

    return Own


def copied(callbacks):
    """Whose hook is a copy of Keras's, as many are."""

    class Own(callbacks.EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            current = self.get_monitor_value(logs)
            if current is None:
                return
            self.wait += 1
            if self.best is None or self.monitor_op(current - self.min_delta, self.best):
                self.best, self.best_epoch, self.wait = current, epoch, 0
            elif self.wait >= self.patience:
                self.stopped_epoch, self.model.stop_training = epoch, True

        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)
            if self.monitor_op is None:
                self._set_monitor_op()

    return Own


@pytest.mark.parametrize(
    "make", [grown, no_value, later, own_improvement, assigned_op, own_op, copied]
)
@pytest.mark.parametrize("options", [{}, {"patience": 2}, {"mode": "min", "min_delta": 0.06}])
def test_early_stopping(make, options):
    # An operation that is assigned gets the change with its sign in callbax alone.
    if make in (assigned_op, own_op):
        options = {**options, "min_delta": 0}

    def run(callbacks):
        callback, model = make(callbacks)(monitor="loss", **options), FakeModel()
        epochs = len(fit(callback, model, LOSSES))
        state = (callback.best, callback.best_epoch, callback.stopped_epoch, callback.wait)
        return epochs, *(None if value is None else float(value) for value in state)

    theirs, mine = of_both(run)
    assert mine == pytest.approx(theirs, nan_ok=True)


def test_an_unknown_metric_needs_no_direction_if_the_comparison_is_given():
    callback = assigned_op(callbax.callbacks)(monitor="score", patience=1)
    assert len(fit(callback, FakeModel(), [{"score": score} for score in (1, 2, 1, 3)])) == 3


def test_the_key_need_not_be_in_the_logs_if_the_value_comes_from_elsewhere():
    model = callbax.Sequential([callbax.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    callback = grown(callbax.callbacks)(monitor="made up", mode="min", patience=1)
    assert len(model.fit(x, x[:, :1], epochs=9, verbose=0, callbacks=[callback]).epoch) == 2


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_least_change_reads_as_in_keras(mode):
    def run(callbacks):
        callback = callbacks.EarlyStopping("loss", mode=mode, min_delta=0.25)
        before = callback.min_delta
        fit(callback, FakeModel(), LOSSES)
        return before, callback.min_delta

    theirs, mine = of_both(run)
    assert mine == theirs


# ReduceLROnPlateau


def always_cool(callbacks):
    class Own(callbacks.ReduceLROnPlateau):
        def in_cooldown(self):
            return self.best is not None and self.best < 0.45

    return Own


def own_reset(callbacks):
    class Own(callbacks.ReduceLROnPlateau):
        def _reset(self):
            super()._reset()
            self.best = 0.35

    return Own


def own_reduction(callbacks):
    class Own(callbacks.ReduceLROnPlateau):
        def _reduce_optimizer_lr(self, optimizer, epoch, name=""):
            optimizer.learning_rate = optimizer.learning_rate - 0.01 * epoch
            return True

    return Own


def reset_after_reducing(callbacks):
    class Own(callbacks.ReduceLROnPlateau):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            if self.model.optimizer.learning_rate < 0.06:
                self._reset()

    return Own


def judged_by_another(callbacks):
    class Own(callbacks.ReduceLROnPlateau):
        def _is_improvement(self, monitor_value, reference_value):
            return reference_value is None

    return Own


@pytest.mark.parametrize(
    "make", [always_cool, own_reset, own_reduction, reset_after_reducing, judged_by_another]
)
def test_reduce_lr_on_plateau(make):
    def run(callbacks):
        callback, model = make(callbacks)("loss", factor=0.5, patience=1, cooldown=1), FakeModel()
        logs = fit(callback, model, LOSSES)
        rates = [one["learning_rate"] for one in logs]
        return [*rates, model.optimizer.learning_rate, callback.wait, callback.cooldown_counter]

    theirs, mine = of_both(run)
    assert mine == pytest.approx(theirs)


# ModelCheckpoint


def named_otherwise(callbacks):
    class Own(callbacks.ModelCheckpoint):
        def _get_file_path(self, epoch, batch, logs):
            path = super()._get_file_path(epoch, batch, logs)
            return path.replace("at", f"{logs['loss']:.1f}-{batch}")

    return Own


def kept_in_mind(callbacks):
    class Own(callbacks.ModelCheckpoint):
        def _save_model(self, epoch, batch, logs):
            super()._save_model(epoch=epoch, batch=batch, logs=logs)
            path = self._get_file_path(epoch, batch, logs)
            self.model.saved.append(f"told of {path.rpartition('/')[2]} {epoch} {batch}")

    return Own


def even_epochs(callbacks):
    class Own(callbacks.ModelCheckpoint):
        def _should_save_model(self, epoch, batch, logs, filepath):
            return epoch % 2 == 0 and super()._should_save_model(epoch, batch, logs, filepath)

    return Own


def own_batches(callbacks):
    class Own(callbacks.ModelCheckpoint):
        def _should_save_on_batch(self, batch):
            return batch == 1

    return Own


def after_warm_up(callbacks):
    class Own(callbacks.ModelCheckpoint):
        def on_epoch_end(self, epoch, logs=None):
            if epoch > 2:
                super().on_epoch_end(epoch, logs)

    return Own


def by_itself(callbacks):
    """As Weights & Biases' does: it saves in hooks of its own."""

    class Own(callbacks.ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None):
            if self._should_save_on_batch(batch):
                self._save_model(epoch=self._current_epoch, batch=batch, logs=logs)

    return Own


@pytest.mark.parametrize(
    "make",
    [named_otherwise, kept_in_mind, even_epochs, own_batches, after_warm_up, by_itself],
)
@pytest.mark.parametrize("options", [{}, {"save_best_only": True}, {"save_freq": 2}])
def test_model_checkpoint(make, options, tmp_path):
    def run(callbacks):
        path = str(tmp_path / callbacks.__name__ / "{epoch}-at.keras")
        callback, model = make(callbacks)(path, monitor="loss", **options), FakeModel()
        fit(callback, model, LOSSES, batch_logs=[{"loss": 0.7}, {"loss": 0.2}, {"loss": 0.3}])
        return model.saved

    theirs, mine = of_both(run)
    assert mine == theirs


def test_a_checkpoint_that_decides_by_batch_is_asked_in_fit(tmp_path):
    model = callbax.Sequential([callbax.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((12, 2), "float32")
    saves = []
    callback = own_batches(callbax.callbacks)(tmp_path / "{epoch}.keras")
    model.save = lambda path, overwrite: saves.append(int(model.optimizer.iterations))
    model.fit(x, x[:, :1], batch_size=4, verbose=0, callbacks=[callback])
    assert saves == [2, 3]


# Others


def test_backup_and_restore(tmp_path):
    class Own(callbax.callbacks.BackupAndRestore):
        saves = 0

        def _should_save_on_batch(self, batch):
            return batch == 1

        def _save_model(self):
            super()._save_model()
            self.saves += 1

    model = callbax.Sequential([callbax.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((12, 2), "float32")
    callback = Own(tmp_path / "backup")
    model.fit(x, x[:, :1], batch_size=4, epochs=2, verbose=0, callbacks=[callback])
    assert callback.saves == 5  # As the run begins, one within each epoch and one at its end.


def test_learning_rate_scheduler():
    def run(callbacks):
        class Own(callbacks.LearningRateScheduler):
            def __init__(self):
                super().__init__(self.schedule)

            def schedule(self, epoch, lr):
                return lr / 2

            def on_epoch_begin(self, epoch, logs=None):
                if epoch:
                    super().on_epoch_begin(epoch, logs)

        model = FakeModel()
        return [one["learning_rate"] for one in fit(Own(), model, LOSSES)]

    theirs, mine = of_both(run)
    assert mine == pytest.approx(theirs)


def test_csv_logger(tmp_path):
    def run(callbacks):
        class Own(callbacks.CSVLogger):
            def on_epoch_end(self, epoch, logs=None):
                if self.keys is None:
                    self.keys = ["loss", "twice"]
                super().on_epoch_end(epoch, {**logs, "twice": 2 * logs["loss"], "not": 0})

        path = tmp_path / callbacks.__name__
        callback = Own(path)
        fit(callback, FakeModel(), LOSSES)
        fit(callback, FakeModel(), LOSSES[::-1])
        return path.read_bytes(), callback.keys

    theirs, mine = of_both(run)
    assert mine == theirs


def test_lambda_callback():
    def run(callbacks):
        said = []

        class Own(callbacks.LambdaCallback):
            def on_epoch_begin(self, epoch, logs=None):
                said.append(f"method {epoch}")

        fit(Own(on_epoch_end=lambda epoch, logs: said.append(epoch)), FakeModel(), LOSSES[:2])
        return said

    theirs, mine = of_both(run)
    assert mine == theirs


def test_swap_ema_weights():
    swaps = []

    class Own(callbax.callbacks.SwapEMAWeights):
        def _swap_variables(self):
            super()._swap_variables()
            swaps.append(1)

    model = callbax.Sequential([callbax.layers.Dense(1)])
    model.compile(callbax.optimizers.SGD(use_ema=True), "mse")
    x = np.ones((4, 2), "float32")
    model.fit(x, x[:, :1], validation_split=0.5, verbose=0, callbacks=[Own()])
    assert len(swaps) == 2


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    called = []

    class Own(callbax.callbacks.TensorBoard):
        def _write_logs(self, logs, index):  # a name of its own, of TensorFlow 1's class
            raise AssertionError

        def _collect_learning_rate(self, logs):
            return {**super()._collect_learning_rate(logs), "mine": 1.0}

        def _log_epoch_metrics(self, epoch, logs):
            called.append(sorted(self._collect_learning_rate(logs)))
            super()._log_epoch_metrics(epoch, logs)

        def _log_weights(self, epoch):
            called.append("weights")

    model = callbax.Sequential([callbax.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    callback = Own(tmp_path, histogram_freq=1)
    model.fit(x, x[:, :1], verbose=0, callbacks=[callback])
    assert called == [["learning_rate", "loss", "mine"], "weights"]
    assert callback._train_dir == str(tmp_path / "train")
