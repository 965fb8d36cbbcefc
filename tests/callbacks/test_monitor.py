import math
import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel

from callbax.callbacks import EarlyStopping
from callbax.callbacks import _monitor as module


class Owner:
    """A callback with the settings that a monitor reads."""

    def __init__(self, monitor, mode="auto", min_delta=0):
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta


def Monitor(*settings):
    return module.Monitor(Owner(*settings))


@pytest.mark.parametrize(
    ("name", "mode", "directions", "higher_is_better"),
    [
        ("loss", "auto", {}, False),
        ("val_loss", "auto", {}, False),
        ("val_loss", "max", {}, True),
        ("anything", "min", {}, False),
        ("val_accuracy", "auto", {"accuracy": "up"}, True),
        ("mae", "auto", {"mae": "down"}, False),
        ("loss", "auto", {"loss": "up"}, True),
    ],
)
def test_direction(name, mode, directions, higher_is_better):
    monitor = Monitor(name, mode)
    monitor.resolve(FakeModel(**directions))
    assert monitor.improves(1.0, 0.0) is higher_is_better
    assert monitor.improves(0.0, 1.0) is not higher_is_better


@pytest.mark.parametrize("directions", [{}, {"accuracy": None}])
def test_unknown_direction(directions):
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the words follow)
        Monitor("val_accuracy").resolve(FakeModel(mae="down", **directions))
    for words in (
        "`Owner(monitor='val_accuracy')`: expected a metric of which it is known whether higher "
        "or lower is better, received mode='auto' and no direction for 'accuracy'.\n",
        "`mode='max'`",
        "`mode='min'`",
    ):
        assert words in str(error.value)


def test_unknown_mode_warns_and_is_auto():
    with pytest.warns(
        UserWarning,
        match=r"EarlyStopping mode 'mim' is unknown, fallback to auto mode\. "
        r'Closest: "min"',
    ):
        callback = EarlyStopping("loss", mode="mim")
    assert callback.mode == "auto"


def test_what_is_assigned_later_counts():
    owner = Owner("loss")
    monitor = module.Monitor(owner)
    monitor.resolve(FakeModel(accuracy="up"))
    assert monitor.improves(0.4, 0.5)
    owner.monitor, owner.min_delta = "accuracy", 0.2
    monitor.resolve(FakeModel(accuracy="up"))
    assert [monitor.improves(value, 0.5) for value in (0.4, 0.6, 0.75)] == [False, False, True]
    owner.mode = "min"
    monitor.resolve(FakeModel(accuracy="up"))
    assert monitor.improves(0.25, 0.5)


@pytest.mark.parametrize(
    ("mode", "min_delta", "value", "reference", "improves"),
    [
        ("min", 0, 0.5, None, True),
        ("min", 0, 0.5, 0.5, False),
        ("min", 0.25, 0.25, 0.5, False),
        ("min", -0.25, 0.125, 0.5, True),
        ("max", 0.25, 0.75, 0.5, False),
        ("max", 0.25, 0.875, 0.5, True),
        ("max", 0, math.inf, 0.5, True),
        ("min", 0, 0.5, math.inf, True),
        ("min", 0, math.nan, None, False),
        ("max", 0, math.nan, 0.5, False),
    ],
)
def test_improves(mode, min_delta, value, reference, improves):
    monitor = Monitor("x", mode, min_delta)
    monitor.resolve(None)
    assert monitor.improves(value, reference) is improves


@pytest.mark.parametrize(
    ("name", "by_batch", "epochs", "judged"),
    [
        # One letter a hook: v, a validation within the epoch; e, its end. Capitals have the key.
        ("val_loss", True, ["VVE", "vE", "E", "e", "Ve"], "VV- -E E - V-"),
        ("val_loss", False, ["E", "e", "VE"], "E e V-"),
        ("loss", True, ["VVE", "Ve"], "--E -e"),
    ],
)
def test_what_a_validation_brought_is_not_judged_again(name, by_batch, epochs, judged):
    monitor, model, seen = Monitor(name), FakeModel(), []
    model.validates_by_batch = by_batch
    for number, epoch in enumerate(epochs):
        monitor.epoch_began(number)
        for hook in epoch:
            logs = {name: 0.5} if hook.isupper() else {}
            ends = hook in "eE"
            due = monitor.epoch_ended(logs, model) if ends else monitor.validation_ended(logs)
            seen.append(hook if due else "-")
        seen.append(" ")
    assert "".join(seen).strip() == judged


def test_what_was_judged_in_the_epoch_is_part_of_the_state():
    first, second = (Monitor("val_loss") for _ in range(2))
    first.validation_ended({"val_loss": 0.5})
    second.epoch_began(0)
    second.load_state_dict(first.state_dict())
    assert not second.epoch_ended({"val_loss": 0.5}, FakeModel())


@pytest.mark.parametrize(
    ("logs", "value", "warning"),
    [
        ({"loss": 0.5}, 0.5, None),
        ({"loss": np.float32(0.5)}, 0.5, None),
        ({"loss": np.array(0.5)}, 0.5, None),
        ({"loss": jnp.float32(0.5)}, 0.5, None),
        ({"mae": 1, "val_mae": 2}, None, "metric `loss` which is not available. Available metrics "
                                         "are: mae, val_mae."),
        (None, None, "Available metrics are: none."),
        ({"loss": "0.5"}, None, "not a number but of type str"),
        ({"loss": None}, None, "not a number but of type NoneType"),
        ({"loss": np.zeros(1)}, None, "not a number but of type ndarray"),
    ],
)  # fmt: skip
def test_read(logs, value, warning):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert Monitor("loss").read(logs) == value
    assert [warning in str(entry.message) for entry in caught] == ([True] if warning else [])


def test_read_nan_warns():
    with pytest.warns(UserWarning, match="`loss`, which is NaN; that counts as no improvement"):
        assert math.isnan(Monitor("loss").read({"loss": math.nan}))
