from contextlib import closing
from unittest.mock import Mock

import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

from callbax._stores._backup_store import BackupStore
from callbax._stores._protocol import RunState
from callbax.callbacks import Callback, CallbackList, EarlyStopping, History, ReduceLROnPlateau
from callbax.saving._contents import Contents


class Counts(Callback):
    def __init__(self):
        self.count = 0

    def on_epoch_end(self, epoch, logs=None):
        self.count += 1

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


class HalfStateful(Callback):
    def state_dict(self):
        raise AssertionError


def make():
    return [
        EarlyStopping("loss", patience=5),
        Counts(),
        EarlyStopping("mae", patience=1, mode="max"),
    ]


def test_two_of_one_class_do_not_collide():
    first = CallbackList([*make(), HalfStateful(), Mock()], add_history=True, model=FakeModel())
    assert list(first.state_dict()) == ["EarlyStopping", "Counts", "EarlyStopping_1", "History"]
    fit(first, FakeModel(), [{"loss": 1.0, "mae": 0.5}, {"loss": 0.5, "mae": 0.25}])
    second = CallbackList([*make(), HalfStateful(), Mock()], add_history=True, model=FakeModel())
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == first.state_dict()
    assert [callback.best for callback in (second.callbacks[0], second.callbacks[2])] == [0.5, 0.5]
    assert second.callbacks[1].count == 2


def test_a_class_of_the_name_that_numbering_would_give():
    other = type("Counts_1", (Counts,), {})
    states = CallbackList([Counts(), other(), Counts()]).state_dict()
    assert list(states) == ["Counts", "Counts_1", "Counts_2"]


@pytest.mark.parametrize(
    ("callbacks", "words"),
    [
        ([EarlyStopping()], "recorded run: Counts was not restored"),
        ([EarlyStopping(), Counts(), ReduceLROnPlateau()], "ReduceLROnPlateau was not restored"),
        ([History()], "Counts, EarlyStopping, History were not restored"),
    ],
)
def test_what_does_not_match_is_warned_about(callbacks, words):
    states = CallbackList([EarlyStopping(), Counts()]).state_dict()
    with pytest.warns(UserWarning, match=words):
        CallbackList(callbacks).load_state_dict(states)


CONTENTS = Contents({"layers/dense/vars/0": np.ones(2, "float32")})


def kept(value, directory):
    """Returns callbacks' states after their way through a file."""
    with closing(BackupStore(str(directory), keep_previous=False, owner="test")) as store:
        store.write(RunState(0, 0, CONTENTS, callbacks=value))
        return next(store.states()).callbacks


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": None, "b": [True, 1, 0.1, "text", "né\n"], "c": (1, (2,), []), "d": {"e": {}}},
        {1: "int key", (1, 2): "tuple key", None: "none key", "array": "no marker", "dict": [1]},
        {"x": float("inf"), "tiny": 5e-324, "big": 10**30},
        {"weights": [np.arange(6, dtype="float32").reshape(2, 3), np.zeros((0, 2))]},
        {"flags": np.array([True, False]), "scalar": np.float32(0.1), "zero_d": np.array(3)},
        {"complex": np.array([1 + 2j])},
    ],
)
def test_a_record_comes_back_as_it_was(value, tmp_path):
    found = kept(value, tmp_path)
    np.testing.assert_equal(found, value)
    assert repr(found) == repr(value)  # Types and dtypes too.


def test_bfloat16_and_nan_survive(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    value = {"a": np.array([1.5, float("nan")], ml_dtypes.bfloat16), "b": float("nan")}
    found = kept(value, tmp_path)
    assert found["a"].dtype == ml_dtypes.bfloat16
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Mine": {"when": object()}}, "`state['Mine']['when']`: expected dicts, lists"),
        ({"a": [0, {1, 2}]}, "`state['a'][1]`"),
        ({"a": np.array(["text"])}, "`state['a']`"),
    ],
)
def test_what_no_file_can_hold_is_named(value, words, tmp_path):
    with pytest.raises(TypeError) as caught:
        kept(value, tmp_path)
    assert words in str(caught.value)
    assert "Let `state_dict` of the callback return only these." in str(caught.value)
    assert list(tmp_path.iterdir()) == []
