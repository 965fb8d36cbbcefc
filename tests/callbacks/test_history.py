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


def test_is_empty_before_a_run_and_has_no_stop_reason():
    history = History()
    assert (history.history, history.epoch, history.stop_reason) == ({}, [], None)


def test_goes_on_from_its_state():
    history, resumed = History(), History()
    fit(history, FakeModel(), LOGS)
    resumed.on_train_begin({})
    resumed.load_state_dict(json.loads(json.dumps(history.state_dict())))
    resumed.on_epoch_end(2, {"loss": 0.125})
    assert (resumed.epoch, resumed.history["loss"]) == ([0, 1, 2], [0.5, 0.25, 0.125])
    assert history.history["loss"] == [0.5, 0.25]
