"""Keras's own tests of its trainer and callbacks, run against callbax by exchanging names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest

REPOSITORY = Path(__file__).parents[2]
KERAS = Path(keras.__file__).parent / "src"
DESIGN = "callbax calls every hook of every batch, and gives begin hooks `batch` and `size`"
INSIDE = "asks for a private attribute of Keras's class"
TRAINER = {
    "test_callback_methods_keys": DESIGN,
    r"test_steps_per_execution_.*_jit": DESIGN,
    "test_steps_per_execution_steps_count_without_training": DESIGN,
    "test_fit_eval_flow_for_jax_model_weights": "weights are live in hooks, not None",
    "test_fit_with_data_adapter_generator": "a generator used up before the last epoch is an error",
    r"test_fit_with_data_adapter_(grain|torch)_.*": "packages that are not installed here",
}
CALLBACKS = {
    "test_backup_corrupted": INSIDE,
    r"test_best_case_(epoch|step)": INSIDE,
    "test_early_stopping": "compares `monitor_op` with a function of Keras",
    "test_lambda_callback_with_additional_kwargs": "an unknown hook is an error",
    "test_model_checkpoint_options": "a monitor that no log has is an error, not a warning",
    r"test_checkpoint_with_assets\d": INSIDE,
    r"test_distributed_checkpoint_\w+": "a distribution of Keras leaves the run to Keras",
    r"test_RemoteMonitor\w*": "requests have a time limit",
    "test_TensorBoard_auto_trace": "no TensorFlow graph is traced",
    "test_TensorBoard_projector_callback": "no embeddings for TensorBoard's projector",
    "test_custom_summary": "TensorFlow's own summaries need its writer",
}
"""Pattern of a test that fails -> why callbax differs."""


def run(folder, tests):
    """Runs Keras's tests and returns the names of those that fail, and how many pass."""
    for test in tests:
        shutil.copy(test, folder)
    (folder / "conftest.py").write_text(
        "import pytest\n"
        "def skip_if_backend(backend, reason):\n"
        "    return pytest.mark.skipif(backend == 'jax', reason=reason)\n"
    )
    plugins = ["-p", "tests.thirdparty._keras_alias", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", *plugins, str(folder)]
    path = os.pathsep.join([str(REPOSITORY), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    environment = {"PYTHONPATH": path, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, **environment}
    )
    failed = re.findall(r"^(?:FAILED|ERROR) \S*?(\w+)(?: - .*)?$", done.stdout, re.MULTILINE)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout[-2000:] + done.stderr[-2000:]
    print(done.stdout[-300:])
    return failed, int(passed[1])


@pytest.mark.parametrize(
    ("tests", "differences", "least"),
    [
        ([KERAS / "trainers/trainer_test.py"], TRAINER, 140),
        (sorted((KERAS / "callbacks").glob("*_test.py")), CALLBACKS, 75),
    ],
    ids=["trainer", "callbacks"],
)
def test_they_pass_but_for_known_differences(optional, tmp_path, tests, differences, least):
    optional("tensorflow")
    failed, passed = run(tmp_path, tests)
    unknown = [name for name in failed if not any(re.fullmatch(d, name) for d in differences)]
    assert not unknown
    assert passed >= least
