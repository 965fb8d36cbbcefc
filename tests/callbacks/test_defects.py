"""Defects that running Keras 3.15 showed, a to o; none of them is here.

Each test first shows the defect in Keras, where that is quick, then callbax without it.
"""

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

import callbax as cb
from callbax.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
)

X = np.arange(20, dtype="float32").reshape(10, 2) / 20
Y = X.sum(1, keepdims=True)


def model(lib=cb, **optimizer):
    found = lib.Sequential([lib.layers.Input((2,)), lib.layers.Dense(1)])
    found.compile(lib.optimizers.SGD(0.1, **optimizer), "mse", metrics=["mae"])
    found.set_weights([np.array([[0.5], [-0.25]]), np.zeros(1)])
    return found


class Batches(Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


FIT = {"batch_size": 2, "epochs": 3, "shuffle": False, "verbose": 0}


def resumed(lib, directory, save_freq, killed_at):
    """A model whose fit of 3 times 5 batches was killed in one and started again, and the rest."""

    def arguments(*others):
        backup = lib.callbacks.BackupAndRestore(str(directory / lib.__name__), save_freq)
        return {**FIT, "callbacks": [backup, *others]}

    def kill(batch, logs):
        if len(seen) == killed_at - 1:
            raise KeyboardInterrupt
        seen.append(batch)

    seen = []
    with pytest.raises(KeyboardInterrupt):
        model(lib).fit(X, Y, **arguments(lib.callbacks.LambdaCallback(on_train_batch_end=kill)))
    again, batches = model(lib), Batches()
    again.fit(X, Y, **arguments(batches))
    return again, batches.seen


@pytest.mark.parametrize("mode", ["auto", "min", "max"])
def test_defect_a_save_best_by_batch_in_the_first_epoch(mode, tmp_path):
    def drive(checkpoint_class):
        callback = checkpoint_class(
            str(tmp_path / "{batch}.keras"), "loss", save_best_only=True, mode=mode, save_freq=1
        )
        fake = FakeModel()
        # Keras saves the first value whatever it is; the second is the one it cannot compare.
        fit(callback, fake, [{"loss": 0.5}], [{"loss": 0.5}, {"loss": 0.25}, {"loss": 0.75}])
        return fake.saved

    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        drive(keras.callbacks.ModelCheckpoint)
    assert drive(ModelCheckpoint) == ["1.keras", f"{3 if mode == 'max' else 2}.keras"]


def test_defect_b_save_best_by_batch_on_a_validation_metric(tmp_path):
    def drive(checkpoint_class):
        callback = checkpoint_class(
            str(tmp_path / "{epoch}-{batch}.keras"), "val_loss", save_best_only=True, save_freq=2
        )
        fake = FakeModel()
        epochs = [{"loss": 0.1, "val_loss": loss} for loss in (0.5, 0.75, 0.25)]
        fit(callback, fake, epochs, [{"loss": 0.1}] * 2)
        return fake.saved

    with pytest.warns(UserWarning, match="Can save best model only with val_loss available"):
        assert drive(keras.callbacks.ModelCheckpoint) == ["1-2.keras", "2-2.keras", "3-2.keras"]
    assert drive(ModelCheckpoint) == ["1-2.keras", "3-2.keras"]


def test_defect_c_a_backup_within_an_epoch_is_resumed_at_its_batch(tmp_path):
    whole = model()
    whole.fit(X, Y, **FIT)
    theirs, batches = resumed(keras, tmp_path, 2, killed_at=9)
    assert batches == [*range(5)] * 2
    assert int(theirs.optimizer.iterations) == 18
    ours, batches = resumed(cb, tmp_path, 2, killed_at=9)
    assert batches == [3, 4, *range(5)]
    assert ours.optimizer.iterations == whole.optimizer.iterations == 15
    np.testing.assert_equal(ours.get_weights(), whole.get_weights())
    assert ours.history.history == whole.history.history


def test_defect_d_a_restored_fit_does_not_shorten_a_later_one(tmp_path):
    later = []
    for lib in (keras, cb):
        restored, _ = resumed(lib, tmp_path, "epoch", killed_at=12)
        later.append(restored.fit(X, Y, epochs=1, verbose=0).epoch)
    assert later == [[], [0]]


@pytest.mark.parametrize("save_freq", [False, True])
def test_defect_e_a_bool_is_no_number_of_batches(save_freq, tmp_path):
    keras.callbacks.BackupAndRestore(str(tmp_path), save_freq=save_freq)
    with pytest.raises(ValueError, match=rf"BackupAndRestore\(save_freq={save_freq}\)"):
        BackupAndRestore(tmp_path, save_freq=save_freq)


def test_defect_f_predict_leaves_the_trained_weights_in_the_model():
    def kernels(lib):
        """The kernel before a prediction by the averages and after it."""
        averaging = model(lib, use_ema=True, ema_momentum=0.5)
        for _ in range(3):
            averaging.train_on_batch(X, Y)
        before = averaging.get_weights()[0]
        averaging.predict(X, verbose=0, callbacks=[lib.callbacks.SwapEMAWeights()])
        return before, averaging.get_weights()[0]

    before, after = kernels(keras)
    assert not np.allclose(after, before, rtol=1e-3)
    before, after = kernels(cb)
    np.testing.assert_array_equal(after, before)


def test_defect_g_a_first_value_that_is_nan_is_forgotten():
    def drive(stopping_class):
        callback = stopping_class("loss", patience=2, restore_best_weights=True)
        fake = FakeModel()
        losses = [float("nan"), 0.5, 0.4, 0.3, 0.35]
        seen = fit(callback, fake, [{"loss": loss} for loss in losses])
        return len(seen), fake.weights[0].tolist()

    assert drive(keras.callbacks.EarlyStopping) == (3, [0.0])
    with pytest.warns(UserWarning, match="NaN"):
        assert drive(EarlyStopping) == (5, [3.0])


def test_defect_h_one_callback_without_a_list_is_called_in_order():
    batches = Batches()
    model().fit(X, Y, batch_size=1, epochs=3, callbacks=batches, verbose=0)
    assert batches.seen == [*range(10)] * 3


def test_defect_i_nested_lists_work():
    batches = Batches()
    model().fit(X, Y, batch_size=5, callbacks=[[batches], ([Callback()],)], verbose=0)
    assert batches.seen == [0, 1]


def test_defect_j_a_used_up_generator_is_an_error():
    batches = Batches()
    generator = ((X[i : i + 2], Y[i : i + 2]) for i in range(0, 10, 2))
    with pytest.raises(ValueError, match="a generator that was used up after 5 batches"):
        model().fit(generator, epochs=3, callbacks=batches, verbose=0)
    assert batches.seen == [*range(5)]


def test_defect_k_an_evaluation_inside_a_hook_leaves_the_running_metrics():
    class Evaluates(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X[:3] + 9, Y[:3], verbose=0)

    histories = []
    weights = None
    for callbacks in ([], [Evaluates()]):
        trained = model()
        weights = weights or trained.get_weights()
        trained.set_weights(weights)
        history = trained.fit(X, Y, batch_size=4, shuffle=False, callbacks=callbacks, verbose=0)
        histories.append(history.history)
    assert histories[1] == histories[0]


def test_defect_l_a_type_error_inside_a_schedule_is_shown_as_it_is():
    def schedule(epoch, rate):
        return rate + "text"

    fake = FakeModel()
    theirs, ours = keras.callbacks.LearningRateScheduler(schedule), LearningRateScheduler(schedule)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        fit(theirs, fake, [{}])
    with pytest.raises(TypeError, match="unsupported operand"):
        fit(ours, fake, [{}])


def test_defect_m_csv_columns_are_those_that_there_are(tmp_path):
    epochs = [{"loss": 0.5}, {"loss": 0.25, "mae": 1.0}]
    texts = []
    for logger_class in (keras.callbacks.CSVLogger, CSVLogger):
        fit(logger_class(str(tmp_path / "log.csv")), FakeModel(), epochs)
        texts.append((tmp_path / "log.csv").read_text().split())
    assert texts[0] == ["epoch,loss,val_loss", "0,0.5,NA", "1,0.25,NA"]
    assert texts[1] == ["epoch,loss,mae", "0,0.5,NA", "1,0.25,1.0"]


@pytest.mark.parametrize("split", [1.5, 1.0, -0.5])
def test_defect_n_a_validation_split_is_a_share(split):
    trained = model()
    before = trained.get_weights()
    with pytest.raises(ValueError, match=rf"fit\(validation_split={split}\)"):
        trained.fit(X, Y, validation_split=split, verbose=0)
    np.testing.assert_equal(trained.get_weights(), before)


def test_defect_o_the_model_ends_with_the_averages_when_stopped_early():
    def kernels(lib):
        """The kernel that was validated and would be saved, and the one that is left."""

        def stop(epoch, logs):
            seen.append(averaging.get_weights()[0])
            averaging.stop_training = True

        seen, averaging = [], model(lib, use_ema=True, ema_momentum=0.5)
        swap = lib.callbacks.SwapEMAWeights(swap_on_epoch=True)
        hook = lib.callbacks.LambdaCallback(on_epoch_end=stop)
        averaging.fit(X, Y, batch_size=2, epochs=3, verbose=0, callbacks=[swap, hook])
        return seen[0], averaging.get_weights()[0]

    averages, left = kernels(keras)
    assert not np.allclose(left, averages, rtol=1e-3)
    averages, left = kernels(cb)
    np.testing.assert_array_equal(left, averages)
