"""``Checkpoint(format="orbax")``: a record to which every process writes its part, here one."""

import gc
import itertools
import os
import shutil

import numpy as np
import pytest
from tests.integration.test_run_checkpoints import STEPS, Killed, killed, life, same

from callbax._stores._orbax_format import EARLIER
from callbax.callbacks import Checkpoint
from callbax.testing import damage

pytestmark = pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")


def record(directory, save_freq=2, **options):
    return Checkpoint(directory, save_freq, format="orbax", **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return life(record(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("interrupted")
    killed(record(directory), (2, 4))
    return directory


@pytest.mark.parametrize("kills", [[(0, 0)], [(0, 4), (2, 1), (2, 5)]])
def test_a_killed_run_ends_where_the_whole_one_does(kills, whole, tmp_path):
    for kill in kills:
        killed(record(tmp_path), kill)
    resumed, history = life(record(tmp_path))
    assert same(whole[0], resumed)
    assert history == whole[1]
    again, history = life(record(tmp_path))
    assert same(whole[0], again)
    assert history == whole[1]


def test_the_numbers_are_those_of_the_other_format(whole, tmp_path):
    other, history = life(Checkpoint(tmp_path, 2))
    assert same(whole[0], other)
    assert history == whole[1]


def test_the_newest_and_the_best_are_kept(tmp_path):
    resume = record(tmp_path, "epoch", keep=1, keep_best=1, monitor="loss")
    _, history = life(resume, epochs=3)
    best = (int(np.argmin(history["loss"])) + 1) * STEPS
    kept = {f"step-{step:09d}.orbax" for step in (best, 3 * STEPS)}
    assert sorted(os.listdir(tmp_path / "fit-0")) == ["finished.orbax", *sorted(kept)]


@pytest.mark.filterwarnings(
    "ignore:.*is passed over",
    # Orbax leaves the readers of other arrays to themselves when one array cannot be read.
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
def test_whatever_happens_to_a_file_the_numbers_are_those_of_the_run(interrupted, whole, tmp_path):
    newest = max((interrupted / "fit-0").iterdir())
    paths = [path for path in sorted(newest.rglob("*")) if path.is_file() and path.stat().st_size]
    hows = itertools.cycle(["flip", "delete", "truncate", "empty", "flip"])
    assert len(paths) > 5
    for number, (path, how) in enumerate(zip(paths, hows, strict=False)):
        run = tmp_path / str(number)
        shutil.copytree(interrupted, run)
        damage(run / path.relative_to(interrupted), how)
        resumed, history = life(record(run))
        assert same(whole[0], resumed), (path, how)
        assert history == whole[1], (path, how)
    gc.collect()  # the readers go here, not in another test


def test_what_was_there_counts_until_its_replacement_is_whole(interrupted, whole, tmp_path):
    shutil.copytree(interrupted, tmp_path / "run")
    newest = max((tmp_path / "run" / "fit-0").iterdir())
    newest.rename(f"{newest}{EARLIER}")
    resumed, _ = life(record(tmp_path / "run"))
    assert same(whole[0], resumed)
    assert not any(EARLIER in name for name in os.listdir(tmp_path / "run" / "fit-0"))


def test_another_format_is_refused_by_name(interrupted, tmp_path):
    shutil.copytree(interrupted, tmp_path / "run")
    before = sorted(os.listdir(tmp_path / "run" / "fit-0"))
    with pytest.raises(ValueError, match=r'received "step-0000000..\.orbax"[^.]*\.\n.*="orbax"'):
        life(Checkpoint(tmp_path / "run", 2))
    assert sorted(os.listdir(tmp_path / "run" / "fit-0")) == before
    with pytest.raises(ValueError, match='"hdf5", "orbax"'):
        Checkpoint(tmp_path, format="pickle")


def test_moments_of_the_record_can_be_visited(tmp_path):
    with pytest.raises(Killed):
        life(record(tmp_path), (2, 4))
    made, _ = life(record(tmp_path))
    moment = made.history.past.at(3, 5)
    assert np.isfinite(moment.losses).all()
