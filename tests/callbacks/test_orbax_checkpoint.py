import importlib
import os
import resource
import sys

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

import callbax
from callbax.callbacks import CallbackList, OrbaxCheckpoint

EPOCHS = [{"loss": loss} for loss in (0.5, 0.25, 0.4, 0.1)]
BATCHES = [{"loss": 0.5}, {"loss": 0.75}, {"loss": 0.25}]


class Model(FakeModel):
    def get_state_tree(self):
        return {
            "trainable_variables": {"dense": {"kernel": self.weights[0]}},
            "non_trainable_variables": {"norm": {"mean": np.ones(2, "float32")}},
            "optimizer_variables": {"sgd": {"iteration": np.array(self.optimizer.iterations)}},
            "metrics_variables": {},
        }


def drive(callback, *logs, model=None):
    model = model or Model()
    try:
        fit(callback, model, *logs)
    finally:
        callback.teardown()
    return sorted(int(name) for name in os.listdir(callback.directory) if name.isdigit())


def load(directory, step):
    orbax = importlib.import_module("orbax.checkpoint").v1
    with orbax.training.Checkpointer(str(directory)) as checkpointer:
        return checkpointer.load_checkpointables(step)["pytree"]


@pytest.mark.parametrize(
    ("options", "logs", "steps"),
    [
        ({}, (EPOCHS,), [3]),
        ({"max_to_keep": 2}, (EPOCHS,), [2, 3]),
        ({"max_to_keep": None}, (EPOCHS,), [0, 1, 2, 3]),
        ({"max_to_keep": None, "save_on_background": False}, (EPOCHS,), [0, 1, 2, 3]),
        ({"max_to_keep": None, "save_best_only": True}, (EPOCHS,), [0, 1, 3]),
        ({"max_to_keep": None, "save_best_only": True, "mode": "max"}, (EPOCHS,), [0]),
        (
            {"max_to_keep": None, "save_best_only": True, "initial_value_threshold": 0.3},
            (EPOCHS,),
            [1, 3],
        ),
        ({"max_to_keep": None, "save_freq": 5}, (EPOCHS, BATCHES), [5, 10]),
        ({"max_to_keep": None, "save_freq": "2 epochs"}, (EPOCHS,), [1, 3]),
        (
            {"max_to_keep": None, "save_freq": 5, "save_best_only": True, "mode": "max"},
            (EPOCHS, BATCHES),
            [5],
        ),
    ],
)
def test_which_checkpoints_there_are(options, logs, steps, tmp_path):
    callback = OrbaxCheckpoint(tmp_path / "new", monitor="loss", **options)
    assert drive(callback, *logs) == steps


@pytest.mark.parametrize(
    ("save_freq", "steps"),
    [
        pytest.param("epoch", [1, 3, 7], id="each validation"),
        pytest.param("2 epochs", [3, 7], id="every other validation"),
        pytest.param(2, [3, 7], id="the validation after every other batch"),
    ],
)
def test_validations_within_epochs_decide(save_freq, steps, tmp_path):
    options = {"save_best_only": True, "max_to_keep": None, "save_freq": save_freq}
    callback = OrbaxCheckpoint(tmp_path / "new", monitor="val_loss", **options)
    values = {(0, 0): 0.5, (0, 2): 0.4, (1, 1): 0.6, (2, 0): 0.3}
    validations = {at: {"val_loss": value} for at, value in values.items()}
    try:
        fit(callback, Model(), EPOCHS[:3], BATCHES, validations)
    finally:
        callback.teardown()
    assert sorted(int(name) for name in os.listdir(callback.directory)) == steps


def test_a_best_save_that_is_due_waits_for_the_key(tmp_path):
    callback = OrbaxCheckpoint(
        tmp_path, save_best_only=True, save_freq=2, max_to_keep=None, monitor="val_loss"
    )
    epochs = [{"val_loss": loss} for loss in (0.5, 0.6, 0.4)]
    assert drive(callback, epochs, BATCHES) == [3, 9]


@pytest.mark.parametrize("save_weights_only", [False, True])
def test_what_is_in_one(save_weights_only, tmp_path):
    drive(OrbaxCheckpoint(tmp_path, save_weights_only=save_weights_only), EPOCHS, BATCHES)
    tree = load(tmp_path, 3)
    assert np.asarray(tree["trainable_variables"]["dense"]["kernel"]).tolist() == [3.0]
    assert np.asarray(tree["non_trainable_variables"]["norm"]["mean"]).tolist() == [1.0, 1.0]
    if save_weights_only:
        assert len(tree) == 2
    else:
        assert int(tree["optimizer_variables"]["sgd"]["iteration"]) == 12


@pytest.mark.parametrize("save_weights_only", [False, True])
def test_keras_loads_the_weights_of_a_model_of_the_same_names(save_weights_only, tmp_path):
    ours, theirs = (
        lib.Sequential(
            [
                lib.layers.Input((2,)),
                lib.layers.Dense(3, name="hidden"),
                lib.layers.Dense(1, name="out"),
            ],
            name="net",
        )
        for lib in (callbax, keras)
    )
    for model in (ours, theirs):
        model.compile("adam", "mse")
    checkpoint = OrbaxCheckpoint(tmp_path, save_weights_only=save_weights_only)
    ours.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=2, callbacks=checkpoint, verbose=0)
    theirs.load_weights(tmp_path)
    np.testing.assert_equal(theirs.get_weights(), ours.get_weights())


def test_an_instance_serves_several_fits_and_replaces_what_it_meets(tmp_path):
    callback = OrbaxCheckpoint(tmp_path, max_to_keep=None)
    for _ in range(2):
        assert drive(callback, EPOCHS[:2]) == [0, 1]
    assert drive(OrbaxCheckpoint(tmp_path, max_to_keep=None), EPOCHS[:3]) == [0, 1, 2]


def test_a_save_that_fails_names_callback_and_path(tmp_path):
    class Future:
        def result(self):
            raise OSError(28, "No space left on device")

    class Full:
        def save_checkpointables_async(self, *args, **kwargs):
            return Future()

        def close(self):
            closed.append(True)

    closed, callback = [], OrbaxCheckpoint(tmp_path)
    callback.set_model(Model())
    callback.on_train_begin()
    callback._checkpointer.close()
    callback._checkpointer = Full()
    callback.on_epoch_end(0, {})
    with pytest.raises(OSError, match=rf"(?s)OrbaxCheckpoint\('{tmp_path}'\).*No space left"):
        callback.on_epoch_end(1, {})
    callback.teardown()
    assert closed


def net():
    model = callbax.Sequential([callbax.layers.Dense(300, input_shape=(200,), name="out")])
    model.compile("adam", "mse")
    return model


DATA = np.ones((8, 200)), np.ones((8, 300))


def test_weights_are_read_back(tmp_path):
    saved, read = net(), net()
    checkpoint = OrbaxCheckpoint(tmp_path, max_to_keep=None)
    saved.fit(*DATA, epochs=2, callbacks=checkpoint, verbose=0)
    for path in (tmp_path, tmp_path / "1"):
        read.set_weights([np.zeros_like(array) for array in read.get_weights()])
        read.load_weights(path)
        np.testing.assert_equal(read.get_weights(), saved.get_weights())
    (tmp_path / "other").mkdir()
    with pytest.raises(OSError, match="expected a checkpoint of `OrbaxCheckpoint` at"):
        read.load_weights(tmp_path / "other")
    np.testing.assert_equal(read.get_weights(), saved.get_weights())


# Orbax drops the rest of its own coroutines when one fails.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_is_named_and_leaves_the_checkpoint_before(tmp_path):
    """A limit on the size of files stands in for the disk."""

    class Full(callbax.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    model = net()
    # At once: in the background the save of epoch 0 may meet the limit already.
    checkpoint = OrbaxCheckpoint(tmp_path, save_on_background=False)
    try:
        with pytest.raises(OSError, match=r"OrbaxCheckpoint\(.*File too large") as caught:
            model.fit(*DATA, epochs=3, callbacks=[Full(), checkpoint], verbose=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(tmp_path) in str(caught.value)
    assert os.listdir(tmp_path) == ["0"]
    net().load_weights(tmp_path)


def test_verbose(tmp_path, capsys):
    drive(OrbaxCheckpoint(tmp_path, verbose=1), EPOCHS[:1])
    assert capsys.readouterr().out == f"\nSaving checkpoint 0 to {tmp_path}\n"


def test_state_round_trip(tmp_path):
    options = {"monitor": "loss", "save_best_only": True, "save_freq": 2}
    first, second = (OrbaxCheckpoint(tmp_path, **options) for _ in range(2))
    drive(first, EPOCHS[:1], BATCHES)
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == first.state_dict()
    state = {"best": 0.75, "waiting": False, "steps": 3, "count": 1, "epoch": 0, "judged": False}
    assert first.state_dict() == state


@pytest.mark.parametrize("max_to_keep", [0, -1, True, "1"])
def test_bad_numbers(max_to_keep, tmp_path):
    with pytest.raises(ValueError, match=r"OrbaxCheckpoint\(max_to_keep=.*\n.*always kept"):
        OrbaxCheckpoint(tmp_path, max_to_keep=max_to_keep)


def test_a_directory_that_cannot_be_made_is_found_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    callback = OrbaxCheckpoint(tmp_path / "file" / "sub")
    with pytest.raises(NotADirectoryError, match="expected a directory that can be written to"):
        callback.on_train_begin()


def test_without_orbax(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match=r"(?s)`OrbaxCheckpoint`.*pip install orbax-checkpoint"):
        OrbaxCheckpoint(tmp_path)


def test_saving_by_epoch_costs_nothing_per_batch(tmp_path):
    assert not CallbackList(OrbaxCheckpoint(tmp_path)).wants("on_train_batch_end")
