"""The picture of a run: what was done when."""

import itertools
import json
import time
from collections import Counter

import numpy as np
import pytest

import callbax as cb
from callbax.callbacks import BackupAndRestore, Callback, Trace

X, Y = np.ones((32, 2), "float32"), np.ones((32, 1), "float32")


class Look(Callback):
    execution = "fused"

    def on_train_batch_end(self, batch, logs=None):
        pass

    def on_epoch_end(self, epoch, logs=None):
        pass


def model():
    made = cb.Sequential([cb.layers.Dense(1)])
    made.compile("sgd", "mse")
    made.build((None, 2))
    return made


def spans(path, track=None):
    events = json.loads(path.read_text())
    drawn = [event for event in events if event["ph"] == "X"]
    return [event for event in drawn if track in (None, event["cat"])]


def test_every_hook_is_drawn_and_every_step(tmp_path):
    path = tmp_path / "trace.json"
    backup = BackupAndRestore(tmp_path / "backup", save_freq=3)
    model().fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[Trace(path), Look(), backup])
    names = Counter(span["name"] for span in spans(path, "hooks"))
    assert names["Look.on_train_batch_end"] == 16
    assert names["Look.on_epoch_end"] == 2
    assert names["BackupAndRestore.on_train_batch_end"] == 16
    steps = sum(int(span["name"].split()[0]) for span in spans(path, "device"))
    assert steps >= 16
    assert len(spans(path, "records")) == 1 + 16 // 3
    assert all(span["dur"] >= 0 and span["ts"] >= 0 for span in spans(path))


def test_hooks_of_one_thread_do_not_overlap(tmp_path):
    path = tmp_path / "trace.json"
    model().fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[Trace(path), Look()])
    hooks = sorted(spans(path, "hooks"), key=lambda span: span["ts"])
    for one, after in itertools.pairwise(hooks):
        assert one["ts"] + one["dur"] <= after["ts"] + 1e-3


def test_waits_for_slow_data_are_drawn(tmp_path):
    def slow():
        for _ in range(3):
            time.sleep(0.1)
            yield X[:4], Y[:4]

    path = tmp_path / "trace.json"
    model().fit(slow(), steps_per_epoch=3, verbose=0, callbacks=[Trace(path)])
    assert sum(span["dur"] for span in spans(path, "data")) > 0.1e6


@pytest.mark.parametrize("mode", ["evaluate", "predict"])
def test_other_runs_have_a_picture_too(mode, tmp_path):
    path = tmp_path / "trace.json"
    data = (X, Y) if mode == "evaluate" else (X,)
    getattr(model(), mode)(*data, batch_size=4, verbose=0, callbacks=[Trace(path)])
    assert spans(path, "device")


def test_a_run_that_ends_by_an_exception_leaves_a_whole_file(tmp_path):
    class Fail(Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise ValueError("mine")

    path = tmp_path / "trace.json"
    with pytest.raises(ValueError, match="mine"):
        model().fit(X, Y, verbose=0, callbacks=[Trace(path), Look(), Fail()])
    assert any(span["name"] == "Look.on_epoch_end" for span in spans(path, "hooks"))


def test_what_was_written_before_a_kill_can_be_read(tmp_path):
    path = tmp_path / "trace.json"
    trace = Trace(path)
    trace.on_train_begin()
    trace._file.flush()
    # As Chrome and Perfetto do: the bracket and what follows the last comma may be missing.
    assert len(json.loads(path.read_text().rstrip().rstrip(",") + "]")) == 4
    trace.teardown()


def test_nothing_is_measured_for_nobody():
    looked = model()
    looked.fit(X, Y, verbose=0, callbacks=[Look()])
    assert not cb.callbacks.CallbackList([Look()]).spans
