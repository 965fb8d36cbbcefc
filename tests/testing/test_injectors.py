"""What is injected happens where it is asked for, and nowhere else."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import zipfile
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

import callbax as cb
from callbax._core._hooks import HOOKS
from callbax.testing import damage, fail_writes, fill_disk, kill_at, record_hooks

X = np.arange(24, dtype="float32").reshape(12, 2)
BATCHES, EPOCHS = 3, 3


def fit(*callbacks, **options):
    cb.utils.set_random_seed(1)
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    options = {"batch_size": 4, "epochs": EPOCHS, "verbose": 0, "callbacks": callbacks} | options
    model.fit(X, X[:, :1], validation_data=(X[:4], X[:4, :1]), **options)
    return model


# record_hooks


def test_a_record_holds_what_a_callback_of_the_users_gets():
    class Own(cb.callbacks.Callback):
        def __init__(self):
            self.calls = []

        def on_epoch_end(self, epoch, logs=None):
            self.calls.append((epoch, dict(logs)))
            logs["loss"] = "changed later"  # the record has a copy

    record, own = record_hooks(), Own()
    fit(record, own)
    ends = [(call.at, call.logs) for call in record.calls if call.hook == "on_epoch_end"]
    assert ends == own.calls
    epoch = ["on_train_batch_begin", "on_train_batch_end"] * BATCHES
    test = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    one = ["on_epoch_begin", *epoch, *test, "on_epoch_end"]
    assert record.names == ["on_train_begin", *one * EPOCHS, "on_train_end"]


def test_a_record_costs_no_fusing():
    assert not cb.callbacks.CallbackList(record_hooks()).needs_exact("train")


def test_records_are_equal_to_the_bit_and_no_further():
    same, other = record_hooks(), record_hooks()
    fit(same)
    fit(other)
    assert same == other
    assert same != record_hooks()
    last = other.calls[-1]
    loss = np.nextafter(last.logs["loss"], np.inf)
    other.calls[-1] = last._replace(logs={**last.logs, "loss": float(loss)})
    assert same != other
    nan = [record_hooks(), record_hooks()]
    for record in nan:
        record.on_epoch_end(0, {"loss": float("nan")})
    assert nan[0] == nan[1]


def test_only_hooks_are_recorded():
    record = record_hooks("on_epoch_end")
    fit(record)
    assert record.names == ["on_epoch_end"] * EPOCHS
    with pytest.raises(ValueError, match='Closest: "on_epoch_end"'):
        record_hooks("on_epoch_ends")


# kill_at


class Stop(BaseException):
    pass


@pytest.mark.parametrize("seed", range(12))
def test_the_run_ends_at_the_hook_that_is_meant(seed):
    rng = random.Random(seed)
    epoch = rng.randrange(EPOCHS)
    hook = rng.choice([h for h in HOOKS if "predict" not in h and h != "on_validation_end"])
    if hook.startswith("on_train_begin"):
        epoch = 0
    if hook == "on_train_end":
        epoch = EPOCHS - 1
    batch = None
    if "batch" in hook:
        batch = rng.randrange(BATCHES) if "train" in hook else 0
    whole, killed = record_hooks(), record_hooks()
    fit(whole)
    with pytest.raises(Stop):
        fit(killed, kill_at(epoch, batch, hook=hook, raising=Stop))
    assert killed.calls == whole.calls[: len(killed.calls)]
    last = killed.calls[-1]
    assert last.hook == hook
    assert batch in (None, last.at)
    begun = killed.names.count("on_epoch_begin") - 1
    assert max(begun, 0) == epoch


def test_a_process_is_killed_with_nothing_cleaned_up():
    script = (
        "import os, callbax.testing as t\n"
        "try:\n    t.kill_at(0, 2).on_train_batch_end(2)\nfinally:\n    print('cleaned up')\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epoch": -1}, r"kill_at\(epoch=-1\)"),
        ({"epoch": 0, "batch": -1}, r"kill_at\(batch=-1\)"),
        ({"epoch": 0, "hook": "on_epoch_stop"}, 'Closest: "on_epoch_end"'),
        ({"epoch": 0, "batch": 1, "hook": "on_epoch_end"}, 'expected "on_train_batch_begin" or'),
    ],
)
def test_a_place_that_cannot_come_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kill_at(**arguments)


# fail_writes


def save_text(path):
    path.write_text("x" * 10)


def save_large(path):
    path.write_bytes(b"x" * 1_000_000)


def save_zip(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a", "x" * 10)


def save_unbuffered(path):
    with open(path, "wb", buffering=0) as file:
        file.write(b"x" * 10)


def save_by_descriptor(path):
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        os.write(descriptor, b"x" * 10)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_renamed(path):
    path.with_suffix(".new").write_text("x" * 10)
    os.replace(path.with_suffix(".new"), path)


SAVES = [save_text, save_large, save_zip, save_unbuffered, save_by_descriptor, save_renamed]


@pytest.mark.parametrize("save", SAVES)
def test_every_write_can_fail(tmp_path, save):
    with fail_writes(after=10**6, within=tmp_path) as writes:
        save(tmp_path / "whole")
    assert writes.seen >= 1
    for after in range(writes.seen):
        with (
            fail_writes(after, errno.EIO, within=tmp_path) as failing,
            pytest.raises(OSError, match="Input/output error") as error,
        ):
            save(tmp_path / f"after {after}")
        assert error.value.errno == errno.EIO
        assert failing.failed == 1
    save(tmp_path / "later")  # nothing is left of it


def test_half_of_a_write_that_fails_is_there(tmp_path):
    with fail_writes(within=tmp_path), pytest.raises(OSError, match="No space left"):
        save_large(tmp_path / "file")
    assert (tmp_path / "file").stat().st_size == 500_000


def test_all_may_fail_and_reading_never_does(tmp_path):
    (tmp_path / "old").write_text("old")
    with fail_writes(times=None, within=tmp_path) as writes:
        for name in "abc":
            with pytest.raises(OSError, match="No space left"):
                save_text(tmp_path / name)
        assert (tmp_path / "old").read_text() == "old"
    assert writes.failed == 3


def test_other_directories_and_pipes_do_not_count(tmp_path, capfd):
    (tmp_path / "inner").mkdir()
    with fail_writes(within=tmp_path / "inner") as writes:
        save_text(tmp_path / "beside")
        print("printed", flush=True)
        os.write(1, b"written\n")
    assert writes.seen == 0
    assert "written" in capfd.readouterr().out


@pytest.mark.parametrize("mode", ["r+", "a", "x", "w+b", "wt"])
def test_what_is_opened_meanwhile_works_as_ever(tmp_path, mode):
    results = []
    for name in ("usual", "counted"):
        path = tmp_path / name
        if mode == "r+":
            path.write_text("old text")
        block = fail_writes(after=10**6) if name == "counted" else nullcontext()
        with block, open(path, mode) as file:
            file.write("ä\n" if "b" not in mode else b"b\n")
            seen = file.mode, file.encoding if "b" not in mode else None, file.tell()
        results.append((*seen, path.read_bytes()))
    usual, counted = results
    assert counted[1:] == usual[1:]


# fill_disk


def test_a_full_disk_is_one_in_the_middle_of_a_write_and_only_meanwhile(tmp_path):
    path = tmp_path / "file"
    with fill_disk(100_000), pytest.raises(OSError, match="File too large"):
        save_large(path)
    assert path.stat().st_size == 100_000
    save_large(path)
    assert path.stat().st_size == 1_000_000


# damage


@pytest.mark.parametrize("seed", range(5))
def test_one_bit_is_another(tmp_path, seed):
    rng = random.Random(seed)
    content = rng.randbytes(rng.randrange(1, 50))
    at = rng.choice([None, rng.randrange(len(content)), -1 - rng.randrange(len(content))])
    path = tmp_path / "file"
    path.write_bytes(content)
    damage(path, "flip", at)
    changed = [a ^ b for a, b in zip(content, path.read_bytes(), strict=True)]
    assert sum(bits.bit_count() for bits in changed) == 1
    assert changed[len(content) // 2 if at is None else at] == 1


def test_the_other_damages(tmp_path):
    path = tmp_path / "file"
    left = {}
    for how in ("truncate", "empty", "delete"):
        path.write_bytes(b"0123456789")
        damage(path, how)
        left[how] = path.read_bytes() if path.exists() else None
    assert left == {"truncate": b"01234", "empty": b"", "delete": None}
    path.write_bytes(b"0123456789")
    damage(path, "truncate", at=-1)
    assert path.read_bytes() == b"012345678"
    damage(path, "directory")
    assert path.is_dir()


@pytest.mark.parametrize(
    ("how", "at", "message"),
    [
        ("flop", None, 'Closest: "flip"'),
        ("flip", 4, "expected a byte of a file that has 4, received 4"),
        ("flip", -5, "received -5"),
        ("empty", 1, "expected no place, as it concerns the whole file"),
    ],
)
def test_a_damage_that_cannot_be_done_is_refused(tmp_path, how, at, message):
    path = tmp_path / "file"
    path.write_bytes(b"0123")
    with pytest.raises(ValueError, match=message):
        damage(path, how, at)
    assert path.read_bytes() == b"0123"


def test_a_backup_that_is_damaged_in_any_way_is_told_or_left_for_the_one_before(tmp_path):
    for how in ("truncate", "empty"):
        backup = cb.callbacks.BackupAndRestore(tmp_path / how, save_freq=1)
        with pytest.raises(Stop):
            fit(kill_at(1, 1, raising=Stop), backup)
        assert json.loads((Path(tmp_path) / how / "training_metadata.json").read_text())
        damage(tmp_path / how / "latest.weights.h5", how)
        with pytest.raises(OSError, match="BackupAndRestore"):
            fit(cb.callbacks.BackupAndRestore(tmp_path / how, save_freq=1))
