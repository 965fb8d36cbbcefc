"""Scripts that know nothing of callbax end with the same numbers under it as under Keras alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.extent import some

FOLDER = Path(__file__).parents[2] / "examples" / "keras"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
OFTEN = {
    "callbacks",
    "cnn",
    "gan",
    "mixed_precision",
    "train_on_batch",
    "transfer",
    "vae_train_step",
}
"""What CI takes of them: models and loops that differ in kind."""
LEFT = {"augmentation": "RandomRotation, RandomTranslation cannot be compiled, says Keras"}
"""Script -> why it is left to Keras: its layers ask for steps that are not compiled."""


@pytest.mark.parametrize("script", some(SCRIPTS, OFTEN))
def test_it_ends_with_the_same_numbers(script):
    environment = {**os.environ, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
    runs = [
        subprocess.Popen(
            [sys.executable, *way, str(FOLDER / f"{script}.py")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for way in ([], ["-m", "callbax"])
    ]
    (plain, errors), (served, told) = (run.communicate(timeout=300) for run in runs)
    assert runs[0].returncode == 0, errors
    assert runs[1].returncode == 0, told
    expected, received = (out.strip().splitlines()[-1] for out in (plain, served))
    assert json.loads(expected)
    assert received == expected
    report = told.strip().splitlines()[-1]
    assert report.startswith("served by callbax: ")
    assert ("left to Keras" in report) is (script in LEFT)
    assert LEFT.get(script, "") in report
