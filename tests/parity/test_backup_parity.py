"""A fit that is interrupted between epochs goes on with a backup as with Keras's own."""

import json

import keras
import pytest
from tests.parity._actions import failing
from tests.parity._models import Model
from tests.parity._run import KERAS_NOISE, SUBJECT, keras_run, subject_run, without_batch_and_size
from tests.parity._trace import assert_same_trace

import callbax

pytestmark = [
    pytest.mark.skipif(SUBJECT == "keras", reason="the harness is being run against Keras itself"),
    pytest.mark.filterwarnings(f"ignore:{KERAS_NOISE}:DeprecationWarning"),
]

EPOCHS = 4
KERAS = (keras_run, keras.callbacks)
WAYS = {
    "callbax": (subject_run, callbax.callbacks),
    "Keras's own class in callbax's fit": (subject_run, keras.callbacks),
}


def begin(way, directory, *hooks, **options):
    """Runs a fit with a backup in a process of its own, as it were."""
    make_run, callbacks = way
    run = make_run(Model(optimizer="adam"))
    backup = callbacks.BackupAndRestore(str(directory), **options)
    run.fit(
        *run.xy(10),
        batch_size=4,
        epochs=EPOCHS,
        validation_data=run.xy(6, 10),
        callbacks=[backup, *(run.when(hook, do, at) for hook, do, at in hooks)],
    )
    run.finish()
    return run


def interrupted(way, directory, epoch, **options):
    """Runs one that is interrupted as an epoch begins."""
    begin(way, directory, ("on_epoch_begin", failing(KeyboardInterrupt), epoch), **options)


def events(run, *without):
    """What happened, without the given events and those that differ on purpose."""
    return [event for event in without_batch_and_size(run.trace) if event.name not in without]


def history(run):
    (event,) = (event for event in run.trace if event.name == "history")
    return event.args[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_it_goes_on_at_the_same_epoch_from_the_same_files(way, epoch, tmp_path):
    resumed, files = [], []
    for each, directory in ((KERAS, tmp_path / "theirs"), (WAYS[way], tmp_path / "ours")):
        interrupted(each, directory, epoch)
        saved = sorted(directory.iterdir()) if directory.exists() else []
        contents = [json.loads(path.read_text()) for path in saved if path.suffix == ".json"]
        files.append(([path.name for path in saved], contents))
        resumed.append(begin(each, directory))
        assert not directory.exists(), "the end of training removes the backup"
    assert len(files[0][0]) == (2 if epoch else 0)
    if epoch or way != "callbax":
        assert files[0] == files[1]
    else:  # callbax's own knows of a run from its begin
        assert files[1][1] == [{"batch": 0, "epoch": 0}]
    # callbax's own gives the history of the whole run, Keras's that of the rest.
    own = ("history",) if way == "callbax" else ()
    theirs, ours = resumed
    assert_same_trace(events(theirs, *own), events(ours, *own))
    assert history(theirs)["epoch"] == [*range(epoch, EPOCHS)]
    if way == "callbax":
        assert history(ours) == history(begin(WAYS[way], tmp_path / "whole"))


def test_keras_goes_on_from_callbax_s_backup(tmp_path):
    for way, name in ((KERAS, "theirs"), (WAYS["callbax"], "ours")):
        interrupted(way, tmp_path / name, 2)
    theirs, ours = (begin(KERAS, tmp_path / name) for name in ("theirs", "ours"))
    assert_same_trace(theirs.trace, ours.trace)


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_backup_gives_way_to_the_one_before(way, tmp_path):
    resumed = []
    for each, directory in ((KERAS, tmp_path / "theirs"), (WAYS[way], tmp_path / "ours")):
        interrupted(each, directory, 3, double_checkpoint=True)
        (directory / "latest.weights.h5").write_bytes(b"0")
        resumed.append(begin(each, directory, double_checkpoint=True))
    # callbax's own warns about it.
    own = ("history", "fit warned") if way == "callbax" else ()
    theirs, ours = resumed
    assert_same_trace(events(theirs, *own), events(ours, *own))
    assert history(theirs)["epoch"] == [2, 3]


@pytest.mark.parametrize("delete_checkpoint", [True, False])
def test_what_a_whole_run_leaves_is_the_same(delete_checkpoint, tmp_path):
    left = []
    for way, name in ((KERAS, "theirs"), (WAYS["callbax"], "ours")):
        begin(way, tmp_path / name, delete_checkpoint=delete_checkpoint)
        directory = tmp_path / name
        left.append(sorted(path.name for path in directory.glob("*")))
    assert left[0] == left[1]
    assert bool(left[0]) != delete_checkpoint
