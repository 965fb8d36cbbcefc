"""Engines that start processes: what they set is found, and what they restart continues."""

import csv
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "examples" / "distributed"
LIMIT_SECONDS = 300


def run(*command, **environ):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "jax", **environ}
    return subprocess.Popen(
        [str(part) for part in command],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def printed(*processes):
    found = [process.communicate(timeout=LIMIT_SECONDS)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(found)
    return found


def losses(directory):
    with open(directory / "log.csv", encoding="utf-8") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process comes to."""
    directory = tmp_path_factory.mktemp("alone")
    printed(run(sys.executable, SCRIPTS / "train.py", directory))
    return losses(directory)


def free():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


def test_one_process_needs_no_engine(alone):
    assert len(alone) == 5
    assert alone[-1] < alone[0]


def test_ray_starts_all_workers_again_if_one_is_killed(tmp_path, alone):
    (text,) = printed(run(sys.executable, SCRIPTS / "ray_train.py", tmp_path, "--kill"))
    assert (tmp_path / "died").exists()
    assert "with 2 workers" in text
    assert losses(tmp_path) == pytest.approx(alone, abs=1e-5)
    whole = tmp_path / "whole"
    printed(run(sys.executable, SCRIPTS / "ray_train.py", whole))
    assert losses(whole) == losses(tmp_path), "killed or not, the bits are the same"


# It is a package of the system, which `make engines` cannot install; `.ci/run` does.
@pytest.mark.skipif(shutil.which("mpirun") is None, reason="`mpirun` is not installed")
def test_mpirun_needs_two_words_more(tmp_path, alone):
    mpirun = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2"]
    (text,) = printed(run(*mpirun, sys.executable, SCRIPTS / "train.py", tmp_path))
    assert text.count("Epoch 5/5") == 1, "one process prints"
    assert losses(tmp_path) == pytest.approx(alone, abs=1e-5)


def test_slurm_s_variables_are_found(tmp_path, alone):
    job = {
        "SLURM_JOB_ID": str(free()),  # the port is made of it
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NODELIST": "localhost",
        "SLURM_STEP_NUM_NODES": "1",
        "SLURM_NTASKS": "2",
    }
    processes = [
        run(
            sys.executable,
            SCRIPTS / "train.py",
            tmp_path,
            **job,
            SLURM_PROCID=str(number),
            SLURM_LOCALID=str(number),
        )
        for number in range(2)
    ]
    printed(*processes)
    assert losses(tmp_path) == pytest.approx(alone, abs=1e-5)


def test_what_a_jobset_sets_is_found(tmp_path, alone):
    port = free()
    processes = [
        run(
            sys.executable,
            SCRIPTS / "train.py",
            tmp_path,
            JAX_COORDINATOR_ADDRESS=f"localhost:{port}",
            JAX_NUM_PROCESSES="2",
            JAX_PROCESS_ID=str(number),
        )
        for number in range(2)
    ]
    printed(*processes)
    assert jax.process_count() == 1, "this process has joined nothing"
    assert losses(tmp_path) == pytest.approx(alone, abs=1e-5)
