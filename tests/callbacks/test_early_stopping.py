import contextlib
import io
import itertools
import json
import math
import warnings

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.callbacks.fakes import FakeModel, fit

from callbax.callbacks import EarlyStopping

ATTRIBUTES = ("wait", "stopped_epoch", "best", "best_epoch")
# Eighths, so that single precision (Keras on JAX) and double agree to the bit.
VALUES = st.one_of(st.none(), st.integers(0, 16).map(lambda n: n / 8), st.just(math.inf))
CONFIGS = st.fixed_dictionaries(
    {
        "patience": st.integers(0, 3),
        "min_delta": st.sampled_from([0, 0.125, -0.25]),
        "mode": st.sampled_from(["auto", "min", "max"]),
        "baseline": st.sampled_from([None, 0.5, 1.5]),
        "restore_best_weights": st.booleans(),
        "start_from_epoch": st.integers(0, 2),
        "verbose": st.integers(0, 1),
    }
)


def run(callback, values):
    """Everything a user could see of the callback's decisions, over two fits of one instance."""
    seen = []
    for fit_values in (values, values[::-1]):
        model, out = FakeModel(), io.StringIO()
        logs = [{} if value is None else {"val_loss": value} for value in fit_values]
        with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(out):
            warnings.simplefilter("always")
            epochs = len(fit(callback, model, logs))
        state = {name: getattr(callback, name) for name in ATTRIBUTES}
        seen.append((epochs, model.weights, out.getvalue(), len(caught), state))
    return seen


@settings(deadline=None, max_examples=100)
@given(CONFIGS, st.lists(VALUES, min_size=1, max_size=8))
def test_decides_like_keras(config, values):
    theirs = run(keras.callbacks.EarlyStopping(**config), values)
    assert run(EarlyStopping(**config), values) == theirs


@settings(deadline=None, max_examples=100)
@given(
    CONFIGS.map(lambda config: {**config, "start_from_epoch": 0, "verbose": 0}),
    st.lists(st.integers(0, 16).map(lambda n: n / 8), min_size=1, max_size=8),
    st.integers(1, 4),
)
def test_counts_validations_as_keras_counts_epochs(config, values, per_epoch):
    theirs, model = keras.callbacks.EarlyStopping(**config), FakeModel()
    judged = len(fit(theirs, model, [{"val_loss": value} for value in values]))
    restored = int(model.weights[0][0]) if config["restore_best_weights"] else None

    ours, model = EarlyStopping(**config), FakeModel()
    places = [divmod(n, per_epoch) for n in range(len(values))]
    validations = {at: {"val_loss": value} for at, value in zip(places, values, strict=True)}
    epochs = [{"loss": 0.0}] * (places[-1][0] + 1)
    fit(ours, model, epochs, [{"loss": 0.0}] * per_epoch, validations)
    assert (ours.wait, ours.best) == (theirs.wait, theirs.best)
    stopped = theirs.stopped_epoch > 0
    assert model.stop_training == stopped
    if stopped:
        assert (ours.stopped_epoch, ours.stopped_batch) == places[judged - 1]
    assert (ours.best_epoch, ours.best_batch) == places[theirs.best_epoch]
    if restored is not None:
        epoch, batch = places[restored]
        assert model.weights == [np.array([epoch + (batch + 1) / 10])]


def test_a_stop_at_a_validation_in_the_first_epoch(capsys):
    callback = EarlyStopping(patience=1, verbose=1, restore_best_weights=True)
    validations = {(0, batch): {"val_loss": float(batch + 1)} for batch in range(3)}
    model = FakeModel()
    fit(callback, model, [{"loss": 1.0}] * 5, [{"loss": 1.0}] * 3, validations)
    assert model.weights == [np.array([0.1])]
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1, batch 2: early stopping",
        "Restoring model weights from the best validation: epoch 1, batch 1.",
    ]


def test_a_key_of_the_training_is_judged_at_the_ends_of_epochs():
    callback = EarlyStopping("loss", patience=1)
    validations = {(epoch, batch): {"val_loss": 1.0} for epoch in range(5) for batch in range(3)}
    losses = [{"loss": loss} for loss in (0.5, 0.25, 0.75, 0.5, 0.5)]
    fit(callback, FakeModel(), losses, [{"loss": 9.0}] * 3, validations)
    assert (callback.stopped_epoch, callback.stopped_batch, callback.best) == (2, None, 0.25)


def test_prints_what_keras_prints(capsys):
    for callback_class in (keras.callbacks.EarlyStopping, EarlyStopping):
        callback = callback_class("loss", patience=1, verbose=1, restore_best_weights=True)
        fit(callback, FakeModel(), [{"loss": value} for value in (0.5, 0.25, 1.0)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == lines[2:]
    assert lines[0] == "Epoch 3: early stopping"
    assert lines[1] == "Restoring model weights from the end of the best epoch: 2."


@pytest.mark.filterwarnings("ignore:.*which is NaN")
def test_nan_at_first_does_not_poison_the_best():
    callback, model = EarlyStopping("loss", patience=3, restore_best_weights=True), FakeModel()
    fit(callback, model, [{"loss": value} for value in (math.nan, 0.5, 0.25, math.nan)])
    assert (callback.best, callback.best_epoch, callback.wait) == (0.25, 2, 1)
    assert model.weights == [np.array([2.0])]


@pytest.mark.filterwarnings("ignore:.*which is NaN")
def test_the_first_epoch_never_stops_a_run():
    logs = [{"loss": value} for value in (math.nan, 0.5, 0.5)]
    callback = EarlyStopping("loss", patience=0)
    assert len(fit(callback, FakeModel(), logs)) == 3
    assert callback.stopped_epoch == 2


def test_restores_also_when_training_ran_to_its_end():
    callback, model = EarlyStopping("loss", patience=9, restore_best_weights=True), FakeModel()
    fit(callback, model, [{"loss": value} for value in (0.5, 0.25, 1.0)])
    assert callback.stopped_epoch == 0
    assert model.weights == [np.array([1.0])]


def test_undecidable_direction_is_an_error_before_the_first_epoch():
    callback = EarlyStopping("val_accuracy")
    callback.set_model(FakeModel())
    with pytest.raises(ValueError, match=r"`EarlyStopping\(monitor='val_accuracy'\)`"):
        callback.on_train_begin({})


def test_refuses_negative_patience():
    with pytest.raises(
        ValueError, match=r"`EarlyStopping\(patience=-1\)`: expected 0 or more.*-1 \(int\)"
    ):
        EarlyStopping(patience=-1)


def test_goes_on_from_its_state():
    logs = [{"loss": value} for value in (0.5, 0.25, 1.0, 1.0, 1.0)]
    whole, resumed = (EarlyStopping("loss", patience=2, restore_best_weights=True) for _ in "ab")
    model = FakeModel()
    fit(whole, model, logs)
    first = EarlyStopping("loss", patience=2, restore_best_weights=True)
    fit(first, FakeModel(), logs[:3])
    weights = first.state_dict().pop("best_weights")
    state = json.loads(json.dumps({**first.state_dict(), "best_weights": None}))
    resumed.set_model(FakeModel())
    resumed.on_train_begin({})
    resumed.load_state_dict({**state, "best_weights": weights})
    for epoch, epoch_logs in itertools.islice(enumerate(logs), 3, None):
        resumed.on_epoch_begin(epoch)
        resumed.on_epoch_end(epoch, epoch_logs)
        if resumed.model.stop_training:
            break
    assert resumed.state_dict() == whole.state_dict()
    assert resumed.stopped_epoch == 3


def test_patience_none_never_stops_and_restores_the_best():
    model = FakeModel()
    callback = EarlyStopping("loss", patience=None, restore_best_weights=True)
    logs = [{"loss": loss} for loss in (0.5, 0.25, *[0.75] * 20)]
    assert len(fit(callback, model, logs)) == 22
    assert (callback.stopped_epoch, callback.best_epoch, model.weights[0].tolist()) == (0, 1, [1.0])
