import warnings

import pytest
from tests.callbacks.fakes import FakeModel

from callbax.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TerminateOnNaN,
)

KEYS = ("loss", "mae", "val_loss", "val_mae")


class Adds(Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["f1"] = 1.0


class Declares(Adds):
    adds_logs = ("f1",)


class AddsNothing(Adds):
    adds_logs = ()


class Inherits(Declares):
    """May add other keys than its parent."""


class OnlyBatches(Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


def begin(callbacks, keys=KEYS):
    model = FakeModel(f1="up", los="down")
    model.log_keys = keys
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CallbackList(callbacks, model=model).on_train_begin()
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("watch", [EarlyStopping, ReduceLROnPlateau])
@pytest.mark.parametrize("others", [[], [TerminateOnNaN()], [CSVLogger("x")], [OnlyBatches()]])
def test_a_mistyped_monitor_is_an_error_before_the_first_step(watch, others, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words follow)
        begin([watch(monitor="val_los"), *others])
    lines = str(caught.value).split("\n")
    assert lines[0].startswith(
        f"`{watch.__name__}(monitor='val_los')`: expected a key of the epochs' logs, received "
        "'val_los' (str), which is not among "
    )
    assert lines[0].endswith("loss, mae, val_loss, val_mae.")
    assert lines[1].startswith('Closest: "val_loss"')


@pytest.mark.parametrize("other", [Adds(), Inherits(), LambdaCallback(on_epoch_end=print)])
@pytest.mark.parametrize("first", [False, True])
def test_it_is_a_warning_where_someone_may_add_the_key(other, first):
    watch = EarlyStopping("f1")
    (warning,) = begin([other, watch] if first else [watch, other])
    assert "EarlyStopping(monitor='f1')" in warning
    assert warning.endswith(f"Fine if {type(other).__name__} will add it.")


@pytest.mark.parametrize(
    ("callbacks", "keys"),
    [
        ([EarlyStopping("f1"), Declares()], KEYS),
        ([EarlyStopping("learning_rate", mode="min"), LearningRateScheduler(float)], KEYS),
        ([EarlyStopping("val_loss")], KEYS),
        ([EarlyStopping("f1")], None),
    ],
)
def test_keys_that_will_be_there_or_may(callbacks, keys):
    assert begin(callbacks, keys) == []


def test_one_that_says_it_adds_nothing_is_believed():
    with pytest.raises(ValueError, match="'f1'"):
        begin([EarlyStopping("f1"), AddsNothing()])


def test_only_the_validation_missing_is_a_warning_as_in_keras():
    (warning,) = begin([EarlyStopping("val_loss")], ("loss", "mae"))
    assert "Pass `validation_data` to `fit`, or take a key without `val_`." in warning


def test_each_run_is_looked_at_anew():
    callback = EarlyStopping("mae", mode="min")
    assert begin(callback) == []
    with pytest.raises(ValueError, match="'mae'"):
        begin(callback, ("loss",))
