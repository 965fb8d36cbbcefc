"""Defects that running Keras 3.15 showed, a to o; none of them is here.

Each test first shows the defect in Keras, where that is quick, then callbax without it.
"""

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit
from tests.callbacks.test_swap_ema_weights import Averaging, predict
from tests.callbacks.test_swap_ema_weights import fit as fit_averaging
from tests.callbacks.trainer import Trainer

import callbax as cb
from callbax.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    SwapEMAWeights,
)

X = np.arange(20, dtype="float32").reshape(10, 2) / 20
Y = X.sum(1, keepdims=True)


def model():
    found = cb.Sequential([cb.layers.Dense(1, input_shape=(2,))])
    found.compile("sgd", "mse", metrics=["mae"])
    return found


class Batches(Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


class StopsAt(Callback):
    def __init__(self, *, batch=None, epoch=None):
        self.batch, self.epoch, self.seen = batch, epoch, 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.batch:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.model.stop_training = True


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
    with pytest.raises(KeyboardInterrupt):
        Trainer().fit([BackupAndRestore(tmp_path, save_freq=1), StopsAt(batch=8)], epochs=3)
    trainer, batches = Trainer(), Batches()
    trainer.fit([BackupAndRestore(tmp_path, save_freq=1), batches], epochs=3)
    # The eighth batch is done again, as it was not done when all callbacks had not seen its end.
    assert batches.seen == [2, 3, 4, 0, 1, 2, 3, 4]
    assert trainer.step == 3 * Trainer.rows


def test_defect_d_a_restored_fit_does_not_shorten_a_later_one(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Trainer().fit([BackupAndRestore(tmp_path), StopsAt(batch=12)], epochs=3)
    trainer = Trainer()
    trainer.fit(BackupAndRestore(tmp_path), epochs=3)
    batches = Batches()
    assert trainer.fit(batches, epochs=1).epoch == [0]
    assert batches.seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("save_freq", [False, True])
def test_defect_e_a_bool_is_no_number_of_batches(save_freq, tmp_path):
    keras.callbacks.BackupAndRestore(str(tmp_path), save_freq=save_freq)
    with pytest.raises(ValueError, match=rf"BackupAndRestore\(save_freq={save_freq}\)"):
        BackupAndRestore(tmp_path, save_freq=save_freq)


def test_defect_f_predict_leaves_the_trained_weights_in_the_model():
    averaging = Averaging()
    predict(SwapEMAWeights(), averaging)
    assert averaging.own == "raw"


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
    averaging = Averaging()
    fit_averaging(SwapEMAWeights(swap_on_epoch=True), averaging, stop=True)
    assert averaging.own == "ema"
