"""What is loaded late must not draw from the generator that the user has seeded."""

import os
import subprocess
import sys

import pytest

WEIGHTS = """
import callbax as cb
cb.utils.set_random_seed(1)
model = cb.Sequential([cb.layers.Input((3,)), cb.layers.Dense(2)])
print(model.get_weights()[0].tolist())
"""
SCRIPTS = {
    "Keras": WEIGHTS.replace("callbax as cb", "keras as cb"),
    "seeded at once": WEIGHTS,
    "seeded again": WEIGHTS + WEIGHTS,
    "by Python": "import callbax as cb, random\nrandom.seed(1)\n"
    + WEIGHTS.split("\n", 2)[2].replace("cb.utils.set_random_seed(1)\n", ""),
    "after a fit": """
import callbax as cb
import numpy as np
cb.utils.set_random_seed(3)
model = cb.Sequential([cb.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
x = np.ones((8, 3), "float32")
folder = __import__("tempfile").mkdtemp()
"""
    + "model.fit(x, x[:, :1], callbacks=[cb.callbacks.BackupAndRestore(folder)])"
    + WEIGHTS,
}


@pytest.fixture(scope="module")
def told():
    """Returns script -> the weights that it prints last."""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}

    def run(script):
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    return {name: run(script) for name, script in SCRIPTS.items()}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_first_weights_after_a_seed_are_keras_s(name, told):
    """Keras and callbax turn a seed into the same weights, whenever their parts are loaded."""
    assert told[name] == told["Keras"]


ROOMS = """
import random
import callbax as cb
random.seed(1)
before = random.getstate()
for room in cb.__all__:
    getattr(cb, room)
assert random.getstate() == before
"""


def test_no_room_draws_when_it_is_loaded():
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(
        [sys.executable, "-c", ROOMS], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
