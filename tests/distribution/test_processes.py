"""Real processes: two of them with two devices each, joined as an engine joins them."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.distribution import scenarios
from tests.distribution.scenarios import BATCH, DISTRIBUTIONS, EPOCHS, ROWS, SCENARIOS

import callbax as cb
from callbax.distribution import DataParallel, list_devices

pytestmark = pytest.mark.one_device("each test says itself how its model is distributed")
LIMIT_SECONDS = 500
STEPS = EPOCHS * -(-ROWS // BATCH)
SCRIPT = Path(scenarios.__file__)
DIVIDED = {"CALLBAX_KIND": "fsdp", "CALLBAX_FORMAT": "orbax"}
TOGETHER = [name for name in SCENARIOS if name != "resumed"]


def started(directory, names, *, processes=2, **environ):
    """Starts the processes of a cluster; returns them."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2]), **environ}
    return [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(number), str(processes), str(port), directory, *names],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(processes)
    ]


def ended(processes):
    """Waits for processes; returns their statuses and what they printed."""
    printed = [process.communicate(timeout=LIMIT_SECONDS)[0] for process in processes]
    return [process.returncode for process in processes], printed


def results(directory, name, processes=2):
    paths = (Path(directory, f"{name}-{number}.json") for number in range(processes))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def same(one, two, tolerance=0.0):
    for name in ("history", "weights", "predicted"):
        for a, b in zip(*(_leaves(ends[name]) for ends in (one, two)), strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=tolerance)


def _leaves(tree):
    return list(tree.values()) if isinstance(tree, dict) else tree


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The directory in which one cluster has left what came of all scenarios."""
    directory = tmp_path_factory.mktemp("cluster")
    statuses, printed = ended(started(directory, TOGETHER))
    assert statuses == [0, 0], "\n".join(printed)
    return directory


@pytest.mark.parametrize("kind", list(DISTRIBUTIONS))
def test_two_processes_give_what_one_gives(cluster, tmp_path, kind):
    first, second = results(cluster, f"parity {kind}")
    same(first, second)
    cb.utils.set_random_seed(5)
    alone = scenarios.parity(kind, process=0, processes=1, directory=tmp_path)
    same(first, alone, tolerance=1e-4)
    assert first["traces"] == alone["traces"], "no layout compiles twice"


def test_shares_make_up_the_batches_of_one_process(cluster, tmp_path):
    first, second = results(cluster, "shares")
    same(first, second)
    cb.utils.set_random_seed(5)
    same(first, scenarios.shares(process=0, processes=1, directory=tmp_path), tolerance=1e-4)


def test_all_stop_at_the_batch_at_which_all_want_to(cluster):
    assert [ends["batches"] for ends in results(cluster, "stop_from_all")] == [8, 8]


def test_one_stops_all_at_the_next_meeting(cluster):
    first, second = results(cluster, "stop_from_one")
    assert first["error"] is second["error"] is None
    assert 8 <= first["batches"] == second["batches"] <= 10


ERRORS = {
    "error_in_one": "an error in process 1 at batch 8: ArithmeticError",
    "error_before_training": "an error in process 1 at batch 0: ArithmeticError",
    "error_between_epochs": "an error in process 1 at batch 10: ArithmeticError",
    "error_at_the_begin_of_an_epoch": "an error in process 1 at batch 5: ArithmeticError",
    "one_that_hangs": "none from process 1",
    "source_that_fails": "an error in process 1: OSError: cannot read",
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_of_one_is_an_error_of_all(cluster, name):
    first, second = results(cluster, name)
    assert first["error"].startswith("ProcessesDifferError")
    assert ERRORS[name] in first["error"]
    assert second["error"] is not None
    assert first["usable"]
    assert second["usable"]


DIFFERENCES = {
    "one_sided_read": "process 1: a read of the state at batch 7",
    "source_that_ends_early": "data that ended in process 1 alone",
    "arrays_that_differ": "x: float32 (50, 8)",
    "seeds_that_differ": "expected the same weights",
    "callbacks_that_differ": "callbacks: Count, History in process 0, At, Count",
}


def test_what_one_alone_sets_is_noticed(cluster):
    for ends in results(cluster, "one_sided_write"):
        assert ends["error"].startswith("ProcessesDifferError")
        assert ends["usable"]


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_differs_is_named_in_all_processes(cluster, name):
    for ends in results(cluster, name):
        assert ends["error"].startswith("ProcessesDifferError")
        assert DIFFERENCES[name] in ends["error"]
        assert ends["usable"]


def test_several_processes_need_a_distribution(cluster):
    for ends in results(cluster, "no_distribution"):
        assert "a distribution, as there are 2 processes" in ends["error"]


def test_what_works_in_one_process_alone_says_so(cluster):
    first, second = results(cluster, "recorder")
    assert "an error in process 1" in first["error"]
    assert "expected a run of one process" in second["error"]


def test_one_process_writes_what_all_have(cluster):
    first, second = results(cluster, "writers")
    written = cluster / "written"
    assert first["weights"] == second["weights"]
    assert first["rows"] == EPOCHS
    names = sorted(path.name for path in written.glob("*.weights.h5"))
    assert names == [f"{epoch + 1}.weights.h5" for epoch in range(EPOCHS)]
    model = cb.Model(scenarios.Net(seed=7), distribution=DataParallel())
    model.load_weights(written / names[-1])
    for one, two in zip(model.get_weights(), first["weights"], strict=True):
        np.testing.assert_array_equal(one, np.asarray(two, "float32"))
    assert len(list((written / "logs").rglob("*tfevents*"))) == 1
    assert (written / "backup" / "latest.weights.h5").exists()
    assert sorted(int(path.name) for path in (written / "orbax").iterdir() if path.name.isdigit())


def test_a_signal_to_one_stops_all_at_one_step_and_nothing_is_lost(cluster, tmp_path):
    first, second = results(cluster, "interrupted")
    assert [first["status"], second["status"]] == [143, 143]
    assert first["batches"] == second["batches"]
    assert sum(first["batches"]) == STEPS
    same(first, second)
    model = scenarios.compiled()
    cb.utils.set_random_seed(5)
    history = model.fit(scenarios.X, scenarios.Y, resume=tmp_path / "whole", **scenarios.FIT)
    same(first, scenarios.ends_of(model, history), tolerance=1e-4)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """What an uninterrupted cluster ends with, and the directory of one that was killed."""
    whole, directory = (tmp_path_factory.mktemp(name) for name in ("whole", "killed"))
    statuses, printed = ended(started(whole, ["resumed"]))
    assert statuses == [0, 0], "\n".join(printed)
    statuses, _ = ended(started(directory, ["resumed"], CALLBAX_KILL="1"))
    assert 0 not in statuses
    return results(whole, "resumed")[0], directory


def test_a_killed_cluster_that_starts_again_ends_bit_for_bit(killed, tmp_path):
    whole, directory = killed
    shutil.copytree(directory / "run", tmp_path / "run")
    statuses, printed = ended(started(tmp_path, ["resumed"]))
    assert statuses == [0, 0], "\n".join(printed)
    for ends in results(tmp_path, "resumed"):
        same(ends, whole)


def test_the_first_process_may_be_the_one_that_is_killed(killed, tmp_path):
    statuses, _ = ended(started(tmp_path, ["resumed"], CALLBAX_KILL="0"))
    assert 0 not in statuses
    statuses, printed = ended(started(tmp_path, ["resumed"]))
    assert statuses == [0, 0], "\n".join(printed)
    same(results(tmp_path, "resumed")[1], killed[0])


ELASTIC = {
    "one device": lambda: None,
    "two devices": lambda: DataParallel(devices=list_devices()[:2]),
    **DISTRIBUTIONS,
}


@pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")
@pytest.mark.parametrize("layout", ELASTIC)
def test_a_run_of_two_processes_continues_on_any_layout(killed, tmp_path, layout):
    whole, directory = killed
    shutil.copytree(directory / "run", tmp_path / "run")
    same(continued(layout, tmp_path), whole, tolerance=1e-4)


def continued(layout, directory, **options):
    """Returns how a run that was copied to a directory ends in this process."""
    model = cb.Model(scenarios.Net(), seed=3, distribution=ELASTIC[layout]())
    model.compile(cb.optimizers.SGD(0.01, momentum=0.9), "mse", metrics=["mae"])
    history = model.fit(
        scenarios.X,
        scenarios.Y,
        callbacks=[scenarios.At(1, 2, lambda model: None)],
        resume=cb.callbacks.Checkpoint(directory / "run", save_freq=2, **options),
        **scenarios.FIT,
    )
    return scenarios.ends_of(model, history)


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """The directory of a cluster that was killed, whose state is divided, as is its record."""
    directory = tmp_path_factory.mktemp("divided")
    statuses, _ = ended(started(directory, ["resumed"], CALLBAX_KILL="0", **DIVIDED))
    assert 0 not in statuses
    return directory


def test_a_divided_record_continues_bit_for_bit(divided, tmp_path):
    statuses, printed = ended(started(tmp_path, ["resumed"], **DIVIDED))
    assert statuses == [0, 0], "\n".join(printed)
    whole = results(tmp_path, "resumed")[0]
    shutil.rmtree(tmp_path / "run")
    shutil.copytree(divided / "run", tmp_path / "run")
    statuses, printed = ended(started(tmp_path, ["resumed"], **DIVIDED))
    assert statuses == [0, 0], "\n".join(printed)
    for ends in results(tmp_path, "resumed"):
        same(ends, whole)


@pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")
@pytest.mark.parametrize("layout", ["one device", "fsdp", "tp and fsdp"])
def test_a_divided_record_continues_on_any_layout(killed, divided, tmp_path, layout):
    whole, _ = killed
    shutil.copytree(divided / "run", tmp_path / "run")
    same(continued(layout, tmp_path, format="orbax"), whole, tolerance=1e-4)
