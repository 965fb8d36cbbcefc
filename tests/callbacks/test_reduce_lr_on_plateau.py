import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

from callbax.callbacks import ReduceLROnPlateau

PLATEAU = [{"loss": loss} for loss in (0.5, 0.4, 0.4, 0.4, 0.39995, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)]


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 1},
        {"patience": 0},
        {"patience": 2, "factor": 0.5},
        {"patience": 2, "cooldown": 2},
        {"patience": 1, "cooldown": 1, "factor": 0.3},
        {"patience": 1, "min_lr": 0.01},
        {"patience": 1, "min_lr": 0.1},
        {"patience": 1, "min_delta": 0},
        {"patience": 1, "min_delta": -0.2},
        {"patience": 1, "mode": "max"},
        {"factor": 0, "patience": 1},
    ],
)
def test_reduces_and_prints_like_keras(options, capsys):
    outcomes = []
    for callback_class in (keras.callbacks.ReduceLROnPlateau, ReduceLROnPlateau):
        callback = callback_class("loss", verbose=1, **options)
        for _ in range(2):  # It serves several fits.
            model = FakeModel(learning_rate=0.1)
            logs = fit(callback, model, PLATEAU)
        state = callback.best, callback.wait, callback.cooldown_counter
        outcomes.append((logs, model.optimizer.learning_rate, state, capsys.readouterr().out))
    assert outcomes[1] == outcomes[0]


@pytest.mark.parametrize("options", [{"patience": 1}, {"patience": 1, "cooldown": 2}])
def test_counts_validations_as_keras_counts_epochs(options, capsys):
    theirs, model = keras.callbacks.ReduceLROnPlateau("val_loss", **options), FakeModel()
    fit(theirs, model, [{"val_loss": logs["loss"]} for logs in PLATEAU])
    expected = model.optimizer.learning_rate

    ours, model = ReduceLROnPlateau("val_loss", verbose=1, **options), FakeModel()
    validations = {divmod(n, 4): {"val_loss": logs["loss"]} for n, logs in enumerate(PLATEAU)}
    seen = fit(ours, model, [{"loss": 1.0}] * 4, [{"loss": 1.0}] * 4, validations)
    assert model.optimizer.learning_rate == expected
    assert [getattr(ours, name) for name in ("best", "wait", "cooldown_counter")] == [
        getattr(theirs, name) for name in ("best", "wait", "cooldown_counter")
    ]
    rates = [logs["learning_rate"] for logs in seen]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == expected
    assert "\nEpoch 1, batch 3: ReduceLROnPlateau reducing" in capsys.readouterr().out


def test_the_rate_at_its_least_is_left_alone():
    model = FakeModel(learning_rate=np.float32(0.01))
    fit(ReduceLROnPlateau("loss", patience=1, min_lr=0.01), model, PLATEAU)
    assert model.optimizer.learning_rate == np.float32(0.01)


def test_an_epoch_without_the_metric_is_not_counted():
    callback = ReduceLROnPlateau("val_loss", patience=1)
    model = FakeModel()
    with pytest.warns(UserWarning, match="metric `val_loss` which is not available.*learning_rate"):
        logs = fit(callback, model, [{"val_loss": 0.5}, {"loss": 0.5}, {"val_loss": 0.4}])
    assert [entry["learning_rate"] for entry in logs] == [0.1, 0.1, 0.1]


def test_nan_never_becomes_the_best():
    callback = ReduceLROnPlateau("loss", patience=9)
    with pytest.warns(UserWarning, match="NaN"):
        fit(callback, FakeModel(), [{"loss": float("nan")}, {"loss": 0.5}])
    assert callback.best == 0.5


def test_direction_comes_from_the_metric():
    callback = ReduceLROnPlateau("val_acc")
    fit(callback, FakeModel(acc="up"), [{"val_acc": 0.5}, {"val_acc": 0.75}])
    assert callback.best == 0.75
    with pytest.raises(ValueError, match=r"ReduceLROnPlateau\(monitor='val_acc'\)"):
        fit(ReduceLROnPlateau("val_acc"), FakeModel(), [])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"factor": 1.0}, "ReduceLROnPlateau does not support a factor >= 1.0"),
        ({"factor": 2}, "`ReduceLROnPlateau(factor=2)`: expected a factor from 0 up to, but not"),
        ({"factor": -0.1}, "received -0.1 (float)"),
        ({"factor": float("nan")}, "received nan (float)"),
        ({"patience": -1}, "`ReduceLROnPlateau(patience=-1)`: expected 0 or more epochs"),
        ({"cooldown": -1}, "`ReduceLROnPlateau(cooldown=-1)`"),
    ],
)
def test_bad_numbers(options, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words follow)
        ReduceLROnPlateau(**options)
    assert words in str(caught.value)


def test_older_and_unknown_arguments():
    with pytest.warns(DeprecationWarning, match=r"epsilon=.*min_delta=0.5"):
        assert ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
    with pytest.raises(TypeError, match="patient"):
        ReduceLROnPlateau(patient=3)


def test_state_round_trip():
    options = {"monitor": "loss", "patience": 2, "cooldown": 2}
    whole, first, second = (ReduceLROnPlateau(**options) for _ in range(3))
    model = FakeModel()
    fit(whole, model, PLATEAU)
    resumed = FakeModel()
    fit(first, resumed, PLATEAU[:5])
    second.set_model(resumed)
    second.on_train_begin()
    second.load_state_dict(first.state_dict())
    for epoch, logs in enumerate(PLATEAU[5:], start=5):
        second.on_epoch_begin(epoch)
        second.on_epoch_end(epoch, dict(logs))
    assert resumed.optimizer.learning_rate == model.optimizer.learning_rate
    assert second.state_dict() == whole.state_dict()
