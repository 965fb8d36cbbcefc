import numpy as np
import pytest

from callbax._core import _frequency as module
from callbax._core._frequency import Frequency
from callbax.callbacks import BackupAndRestore, ModelCheckpoint, OrbaxCheckpoint


@pytest.mark.parametrize(
    ("save_freq", "epochs", "batches"),
    [
        ("epoch", [0, 1, 2, 3], []),
        ("1 epoch", [0, 1, 2, 3], []),
        ("3 epochs", [2], []),
        (2, [], [1, 3]),
        (np.int64(2), [], [1, 3]),
        ("2 batches", [], [1, 3]),
        ("1 Batch", [], [0, 1, 2, 3]),
        (9, [], []),
        ("10 hours", [], []),
    ],
)
def test_when_saves_are_due(save_freq, epochs, batches):
    frequency = Frequency(save_freq, owner="Owner")
    assert [n for n in range(4) if frequency.epoch_ended()] == epochs
    assert [n for n in range(4) if frequency.batch_ended()] == batches
    assert frequency.by_batch is not bool(epochs)


@pytest.mark.parametrize(
    ("save_freq", "seconds"),
    [("30 seconds", 30), ("10 minutes", 600), ("0.5 hours", 1800), ("1.5 minute", 90)],
)
def test_wall_clock(save_freq, seconds, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    frequency = Frequency(save_freq, owner="Owner")
    now[0] += 5 * seconds
    frequency.start()  # What came before training does not count.
    due = []
    for part in (0.5, 0.49, 0.01, 0.99, 0.01):
        now[0] += part * seconds
        due.append(frequency.batch_ended())
    assert due == [False, False, True, False, True]


NONSENSE = [
    True, False, None, 0, -1, 0.15, "batch", "epochs", "", "3", "3epochs", "0 epochs", "1.5 epochs",
    "2.5 batches", "-1 epochs", "0 minutes", "3 weeks", "epoch ", ["epoch"], "3 epochss",
]  # fmt: skip


@pytest.mark.parametrize("save_freq", NONSENSE, ids=repr)
@pytest.mark.parametrize(
    ("make", "owner"),
    [
        (lambda value: ModelCheckpoint("a.keras", save_freq=value), "ModelCheckpoint"),
        (lambda value: BackupAndRestore("a", save_freq=value), "BackupAndRestore"),
        (lambda value: OrbaxCheckpoint("a", save_freq=value), "OrbaxCheckpoint"),
    ],
)
def test_nonsense_is_refused(make, owner, save_freq):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words follow)
        make(save_freq)
    for words in (
        f'`{owner}(save_freq={save_freq!r})`: expected "epoch", a positive number of batches, or '
        "a number and a unit, received ",
        '"3 epochs", "500 batches" or "10 minutes"',
    ):
        assert words in str(caught.value)


def test_state_round_trip():
    first, second = (Frequency("3 batches", owner="Owner") for _ in range(2))
    first.batch_ended()
    second.load_state_dict(first.state_dict())
    assert [second.batch_ended() for _ in range(2)] == [False, True]
