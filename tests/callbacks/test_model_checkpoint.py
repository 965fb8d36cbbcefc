import errno
import os
import pathlib

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

import callbax as cb
from callbax.callbacks import CallbackList, LambdaCallback, ModelCheckpoint

LOSSES = [0.5, 0.25, 0.4, 0.3, 0.1]
EPOCHS = [{"loss": loss, "acc": 1 - loss} for loss in LOSSES]
BATCHES = [{"loss": 0.5}, {"loss": 0.75}, {"loss": 0.25}]


def drive(callback, *logs):
    model = FakeModel(acc="up")
    fit(callback, model, *logs)
    return model.saved


@pytest.mark.parametrize(
    ("name", "options", "logs"),
    [
        ("{epoch}.keras", {}, (EPOCHS,)),
        ("{epoch:02d}-{loss:.2f}.weights.h5", {"save_weights_only": True}, (EPOCHS,)),
        ("same.keras", {}, (EPOCHS,)),
        ("{epoch}.keras", {"monitor": "loss", "save_best_only": True}, (EPOCHS,)),
        ("{epoch}.keras", {"monitor": "acc", "save_best_only": True, "mode": "max"}, (EPOCHS,)),
        ("{epoch}.keras", {"monitor": "loss", "save_best_only": True, "mode": "max"}, (EPOCHS,)),
        (
            "{epoch}.keras",
            {"monitor": "loss", "save_best_only": True, "initial_value_threshold": 0.4},
            (EPOCHS,),
        ),
        ("{epoch}-{batch}.keras", {"save_freq": 2}, (EPOCHS, BATCHES)),
        ("{epoch}-{batch}.keras", {"save_freq": 7}, (EPOCHS, BATCHES)),
        ("{epoch}-{batch}-{loss}.keras", {"save_freq": 1}, (EPOCHS, BATCHES)),
        ("{epoch}-{lr}.keras", {}, ([{"loss": 1.0, "lr": np.float32(0.5)}],)),
        ("{epoch}.keras", {"save_best_only": True, "mode": "min"}, ([],)),
    ],
)
def test_saves_and_prints_what_keras_does(name, options, logs, tmp_path, capsys):
    outcomes = []
    for checkpoint_class in (keras.callbacks.ModelCheckpoint, ModelCheckpoint):
        callback = checkpoint_class(str(tmp_path / "a" / name), verbose=1, **options)
        saved = [drive(callback, *logs), drive(callback, *logs)]  # It serves several fits.
        outcomes.append((saved, capsys.readouterr().out, callback.best))
    assert outcomes[1] == outcomes[0]


@pytest.mark.parametrize("value", [None, "text", np.zeros(2)])
def test_without_the_monitor_it_saves_with_a_warning(value, tmp_path):
    logs = {"loss": 1.0} if value is None else {"val_loss": value}
    callback = ModelCheckpoint(tmp_path / "a.keras", save_best_only=True)
    with pytest.warns(UserWarning, match="ModelCheckpoint is conditioned on metric `val_loss`"):
        assert drive(callback, [logs]) == ["a.keras"]
    assert callback.best is None


def test_nan_is_never_the_best(tmp_path):
    callback = ModelCheckpoint(tmp_path / "{epoch}.keras", "loss", save_best_only=True)
    with pytest.warns(UserWarning, match="NaN"):
        saved = drive(callback, [{"loss": loss} for loss in (float("nan"), 0.5, 0.4)])
    assert saved == ["2.keras", "3.keras"]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"keep_last": 2}, ["4.keras", "5.keras"]),
        ({"keep_last": 9}, ["1.keras", "2.keras", "3.keras", "4.keras", "5.keras"]),
        ({"keep_best": 2}, ["2.keras", "5.keras"]),
        ({"keep_best": 3, "mode": "max"}, ["1.keras", "3.keras", "4.keras", "5.keras"]),
        ({"keep_best": 1, "keep_last": 3}, ["3.keras", "4.keras", "5.keras"]),
        ({"keep_last": 2, "save_best_only": True}, ["2.keras", "5.keras"]),
    ],
)
def test_keeps_the_best_and_the_last(options, left, tmp_path):
    drive(ModelCheckpoint(tmp_path / "{epoch}.keras", "loss", **options), EPOCHS)
    assert sorted(os.listdir(tmp_path)) == left


def test_what_is_not_kept_goes_only_when_the_new_file_is_there(tmp_path):
    class Full(FakeModel):
        def save(self, path, overwrite):
            if len(self.saved) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().save(path, overwrite)

    callback = ModelCheckpoint(tmp_path / "{epoch}.keras", keep_last=2)
    with pytest.raises(OSError, match="No space left") as caught:
        fit(callback, Full(), EPOCHS)
    assert sorted(os.listdir(tmp_path)) == ["1.keras", "2.keras"]
    assert caught.value.errno == errno.ENOSPC
    assert f"`ModelCheckpoint('{tmp_path}/3.keras')`" in str(caught.value)
    assert "What was saved there before is still there." in str(caught.value)


def test_a_file_saved_again_is_the_newest(tmp_path):
    callback = ModelCheckpoint(tmp_path / "{name}.keras", keep_last=2)
    drive(callback, [{"name": name} for name in "abac"])
    assert sorted(os.listdir(tmp_path)) == ["a.keras", "c.keras"]


def test_a_file_that_someone_else_removed_is_no_error(tmp_path):
    callback = ModelCheckpoint(tmp_path / "{epoch}.keras", keep_last=1)
    drive(callback, EPOCHS[:1])
    (tmp_path / "1.keras").unlink()
    callback.on_epoch_end(1, {"loss": 1.0})
    assert os.listdir(tmp_path) == ["2.keras"]


@pytest.mark.parametrize("save_freq", ["2 epochs", 2])
def test_units_and_period(save_freq, tmp_path):
    callback = ModelCheckpoint(tmp_path / "{epoch}.keras", save_freq=save_freq)
    expected = {
        "2 epochs": ["2.keras", "4.keras"],
        2: [f"{n}.keras" for n in (1, 2, 2, 3, 4, 4, 5)],
    }
    assert drive(callback, EPOCHS, BATCHES) == expected[save_freq]


def test_period_is_the_older_name_of_epochs(tmp_path):
    with pytest.warns(DeprecationWarning, match=r'`ModelCheckpoint\(period=.*save_freq="2 epochs"'):
        callback = ModelCheckpoint(tmp_path / "{epoch}.keras", period=2)
    assert drive(callback, EPOCHS, BATCHES) == ["2.keras", "4.keras"]


def test_a_best_save_that_is_due_waits_for_the_key(tmp_path):
    callback = ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.keras", "acc", save_best_only=True, save_freq=2
    )
    assert drive(callback, EPOCHS, BATCHES) == ["1-2.keras", "2-3.keras", "5-2.keras"]


VALIDATIONS = {
    (0, 1): {"val_loss": 0.5},
    (1, 0): {"val_loss": 0.75},
    (1, 2): {"val_loss": 0.25},
    (2, 1): {"val_loss": 0.125},
    (4, 0): {"val_loss": 0.375},
}


@pytest.mark.parametrize(
    ("name", "options", "saved"),
    [
        ("{epoch}-{batch}", {"save_best_only": True}, ["1-2", "2-3", "3-2"]),
        ("{epoch}", {"save_best_only": True}, ["1", "2", "3"]),
        ("{epoch}-{batch}", {"keep_best": 9}, ["1-2", "2-1", "2-3", "3-2", "5-1"]),
        ("{epoch}-{batch}", {"save_best_only": True, "save_freq": "2 epochs"}, ["2-1", "3-2"]),
        # Due after the last batch of each epoch, and kept back until there is what decides.
        ("{epoch}-{batch}", {"save_best_only": True, "save_freq": 3}, ["2-1", "2-3"]),
        ("{epoch}-{val_loss}", {}, ["1-0.5", "2-0.25", "3-0.125", "4-x", "5-0.375"]),
        ("{epoch}", {"save_best_only": True, "monitor": "loss"}, ["1", "2", "5"]),
        ("{epoch}", {"save_best_only": True, "monitor": "val_f1"}, ["1", "2", "5"]),
    ],
    ids=str,
)
def test_validations_within_epochs_decide(name, options, saved, tmp_path):
    callback = ModelCheckpoint(tmp_path / f"{name}.keras", mode="min", **options)
    model = FakeModel()
    epochs = [{**logs, "val_f1": logs["loss"]} for logs in EPOCHS]
    if "{val_loss}" in name:
        epochs[3]["val_loss"] = "x"  # An epoch without validation has none.
    fit(callback, model, epochs, BATCHES, VALIDATIONS)
    assert model.saved == [f"{place}.keras" for place in saved]


def test_state_round_trip(tmp_path):
    def make():
        path = tmp_path / "{epoch}-{batch}.keras"
        return ModelCheckpoint(path, "loss", save_best_only=True, save_freq=2, keep_last=1)

    whole, first, second = make(), make(), make()
    expected = drive(whole, EPOCHS, BATCHES)
    model = FakeModel()
    saved = drive(first, EPOCHS[:2], BATCHES)
    state = first.state_dict()
    second.set_model(model)
    second.on_train_begin()
    second.load_state_dict(state)
    for epoch in (2, 3, 4):
        second.on_epoch_begin(epoch)
        for batch, logs in enumerate(BATCHES):
            second.on_train_batch_end(batch, logs)
        second.on_epoch_end(epoch, EPOCHS[epoch])
    assert saved + model.saved == expected
    assert second.state_dict() == whole.state_dict()
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize(
    ("filepath", "options", "words"),
    [
        ("a.txt", {}, "expected a path that ends in .keras, as save_weights_only=False"),
        ("a.keras", {"save_weights_only": True}, 'Append ".weights.h5".'),
        ("{}.keras", {}, "received a field without a name"),
        ("{0}.keras", {}, "received a field that is a number"),
        ("{epoch.keras", {}, "received expected '}' before end of string"),
        ("{epoch:.2q}.keras", {}, "received '.2q' for `epoch`"),
        ("{val_loss:zz}.keras", {}, "expected formats for numbers"),
        ("a.keras", {"keep_last": 2}, "expected a path with a field"),
        ("{epoch}.keras", {"keep_best": 0}, "`ModelCheckpoint(keep_best=0)`: expected a positive"),
        ("{epoch}.keras", {"keep_last": True}, "`ModelCheckpoint(keep_last=True)`"),
        ("{epoch}.keras", {"keep_last": -1}, "The newest file is always kept."),
    ],
)
def test_bad_arguments(filepath, options, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words follow)
        ModelCheckpoint(filepath, **options)
    assert words in str(caught.value)


def test_an_unknown_mode_warns():
    with pytest.warns(UserWarning, match="ModelCheckpoint mode 'unknown' is unknown"):
        ModelCheckpoint("a.keras", mode="unknown")


def test_an_unknown_field_is_found_at_the_latest_when_it_is_filled(tmp_path):
    with pytest.raises(KeyError, match=r"Failed to format this callback filepath: .*lossy"):
        drive(ModelCheckpoint(tmp_path / "{lossy}.keras"), EPOCHS)


@pytest.mark.parametrize("form", ["{epoch:02d}", "{epoch:.1f}", "{epoch!s:>4}", "{epoch:>{epoch}}"])
def test_formats_that_work_are_taken(form, tmp_path):
    assert len(drive(ModelCheckpoint(tmp_path / f"{form}.keras"), EPOCHS)) == len(EPOCHS)


def real_fit(callback, **arguments):
    """Fits a real model; returns after how many batches the run ended, and with what."""
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((12, 2), "float32")
    begun = []
    # At begins: what has the hook of an end may add keys.
    count = LambdaCallback(on_train_batch_begin=lambda batch, logs: begun.append(batch))
    arguments = {"batch_size": 4, "epochs": 4, "verbose": 0, **arguments}
    try:
        model.fit(x, x[:, :1], callbacks=[count, callback], **arguments)
    except Exception as error:
        return len(begun), error
    return len(begun), None


@pytest.mark.parametrize("save_freq", ["epoch", 2])
@pytest.mark.parametrize("best", [True, False])
@pytest.mark.parametrize("field", ["val_loss:.2f", "val_mae", "lossy", "val_los"])
def test_a_path_that_cannot_be_filled_is_found_before_the_first_step(
    field, best, save_freq, tmp_path
):
    callback = ModelCheckpoint(
        tmp_path / f"{{epoch}}-{{{field}}}.keras", "loss", save_best_only=best, save_freq=save_freq
    )
    batches, error = real_fit(callback)
    assert batches == 0
    assert isinstance(error, ValueError)
    assert "ModelCheckpoint(filepath=" in str(error)


def test_epochs_without_the_key_are_not_saved(tmp_path, capsys):
    data = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    path = tmp_path / "{epoch}-{val_loss:.0f}.keras"
    callback = ModelCheckpoint(path, verbose=1)
    assert real_fit(callback, validation_data=data, validation_freq=2) == (12, None)
    assert sorted(file.name.partition("-")[0] for file in tmp_path.iterdir()) == ["2", "4"]
    assert "Epoch 1: not saved, as there is no val_loss to name the file by" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("filepath", "error", "words"),
    [
        ("", IsADirectoryError, "Please specify a non-directory filepath for ModelCheckpoint."),
        ("file/a.keras", FileExistsError, "expected a directory that can be written to"),
        ("file/sub/{epoch}.keras", NotADirectoryError, "ModelCheckpoint(filepath="),
    ],
)
def test_bad_paths_are_found_before_the_first_step(filepath, error, words, tmp_path):
    (tmp_path / "dir.keras").mkdir()
    (tmp_path / "file").write_text("")
    callback = ModelCheckpoint(tmp_path / (filepath or "dir.keras"))
    with pytest.raises(error) as caught:
        callback.on_train_begin()
    assert words in str(caught.value)


def test_a_directory_in_the_way_of_one_of_several_files(tmp_path):
    (tmp_path / "2.keras").mkdir()
    with pytest.raises(IsADirectoryError, match="non-directory filepath"):
        drive(ModelCheckpoint(tmp_path / "{epoch}.keras"), EPOCHS)


KEYS = ("acc", "loss", "val_acc", "val_loss")


@pytest.mark.parametrize(
    ("filepath", "options", "words"),
    [
        ("a.keras", {"monitor": "val_los", "save_best_only": True}, 'Closest: "val_loss"'),
        ("{epoch}.keras", {"monitor": "val_los", "keep_best": 1}, "(monitor='val_los')"),
        ("{epoch}-{acccuracy}.keras", {}, "(filepath='{epoch}-{acccuracy}.keras')"),
        ("{epoch}-{batch}.keras", {}, "'batch' (str), which is not among acc, loss, val_acc"),
        ("{val_loss}.keras", {"save_freq": 2}, "expected a key of the batches' logs"),
    ],
)
def test_keys_that_the_logs_will_not_have(filepath, options, words):
    model = FakeModel()
    model.log_keys = KEYS
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words follow)
        CallbackList(ModelCheckpoint(filepath, **options), model=model).on_train_begin()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("filepath", "options"),
    [
        ("a.keras", {"monitor": "val_los"}),  # Nothing reads it.
        ("{epoch}-{val_loss:.2f}.keras", {}),
        ("{epoch}-{batch}-{loss}.keras", {"save_freq": 2}),
        ("{val_loss}.keras", {"save_freq": 2, "save_best_only": True}),
    ],
)
def test_keys_that_the_logs_will_have(filepath, options, tmp_path):
    model = FakeModel()
    model.log_keys = KEYS
    CallbackList(ModelCheckpoint(tmp_path / filepath, **options), model=model).on_train_begin()


def test_the_batch_may_stand_in_the_name_where_validations_decide(tmp_path):
    model = FakeModel()
    model.log_keys, model.validates_by_batch = KEYS, True
    path = tmp_path / "{epoch}-{batch}.keras"
    CallbackList(ModelCheckpoint(path, save_best_only=True), model=model).on_train_begin()
    with pytest.raises(ValueError, match=r"'batch' \(str\), which is not among"):
        CallbackList(ModelCheckpoint(path), model=model).on_train_begin()


def test_saving_by_epoch_costs_nothing_per_batch():
    class Counts(ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)

    assert not CallbackList(ModelCheckpoint("a.keras")).wants("on_train_batch_end")
    assert CallbackList(ModelCheckpoint("a.keras", save_freq=1)).wants("on_train_batch_end")
    assert CallbackList(Counts("a.keras")).wants("on_train_batch_end")


def test_takes_a_path_object(tmp_path):
    callback = ModelCheckpoint(pathlib.Path(tmp_path, "new", "a.keras"))
    assert drive(callback, EPOCHS[:1]) == ["a.keras"]


def test_a_save_that_waits_is_part_of_the_state(tmp_path):
    path, options = tmp_path / "{batch}.keras", {"save_best_only": True, "save_freq": 2}
    first, second = (ModelCheckpoint(path, "acc", mode="max", **options) for _ in range(2))
    for batch in range(3):
        first.on_train_batch_end(batch, {"loss": 0.5})
    second.set_model(FakeModel())
    second.on_train_begin()
    second.load_state_dict(first.state_dict())
    second.on_epoch_end(0, {"acc": 0.5})
    assert second.model.saved == ["2.keras"]
