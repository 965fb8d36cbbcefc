import json

import keras
from tests.callbacks.fakes import FakeModel, fit

from callbax.callbacks import History

LOGS = [{"loss": 0.5}, {"loss": 0.25, "val_loss": 1.0}]


def test_records_like_keras_and_goes_on_over_fits():
    seen = []
    for history in (keras.callbacks.History(), History()):
        model = FakeModel()
        fit(history, model, LOGS)
        fit(history, model, LOGS[:1])
        assert model.history is history
        seen.append((history.history, history.epoch))
    assert seen[1] == seen[0] == ({"loss": [0.5, 0.25, 0.5], "val_loss": [1.0]}, [0])


def test_a_validation_within_an_epoch_is_recorded_once():
    history = History()
    validations = {(0, 0): {"val_loss": 1.0}, (0, 2): {"val_loss": 2.0}, (2, 1): {"val_loss": 3.0}}
    batches = [{"loss": 9.0}] * 3
    epochs = [{"loss": loss, "val_f1": loss} for loss in (0.5, 0.25, 0.125)]
    seen = fit(history, FakeModel(), epochs, batches, validations)
    assert [logs.get("val_loss") for logs in seen] == [2.0, None, 3.0]
    assert history.validations == [(0, 0), (0, 2), (2, 1)]
    assert history.history == {
        "loss": [0.5, 0.25, 0.125],
        "val_loss": [1.0, 2.0, 3.0],
        "val_f1": [0.5, 0.25, 0.125],
    }
    fit(history, FakeModel(), [{"loss": 0.5, "val_loss": 4.0}])
    assert history.validations == []
    assert history.history["val_loss"] == [1.0, 2.0, 3.0, 4.0]


def test_is_empty_before_a_run_and_has_no_stop_reason():
    history = History()
    assert (history.history, history.epoch, history.stop_reason) == ({}, [], None)
    assert history.validations == []


def test_goes_on_from_its_state():
    history, resumed = History(), History()
    fit(history, FakeModel(), LOGS)
    resumed.on_train_begin({})
    resumed.load_state_dict(json.loads(json.dumps(history.state_dict())))
    resumed.on_epoch_end(2, {"loss": 0.125})
    assert (resumed.epoch, resumed.history["loss"]) == ([0, 1, 2], [0.5, 0.25, 0.125])
    assert history.history["loss"] == [0.5, 0.25]


def test_goes_on_from_its_state_after_a_validation():
    history, resumed = History(), History()
    history.on_train_begin({})
    history.on_epoch_begin(0, {})
    history.on_validation_end(4, {"loss": 0.5, "val_loss": 1.0})
    resumed.on_train_begin({})
    resumed.on_epoch_begin(0, {})
    resumed.load_state_dict(json.loads(json.dumps(history.state_dict())))
    resumed.on_epoch_end(0, {"loss": 0.25, "val_loss": 1.0})
    assert resumed.history == {"val_loss": [1.0], "loss": [0.25]}
    assert resumed.validations == [(0, 4)]
