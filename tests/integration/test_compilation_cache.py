"""JAX's persistent cache of compiled programs, if a user has set one: a second process compiles
nothing."""

import json
import os
import subprocess
import sys

SCRIPT = """
import json
import jax
import numpy as np
from flax import nnx

told = []
jax.monitoring.register_event_listener(lambda event, **_: told.append(event.split("/")[-1]))
import callbax as cb

rng = np.random.default_rng(0)
x = rng.normal(size=(70, 8)).astype("float32")
y = x.sum(1, keepdims=True)

class Reading(cb.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch % 2:
            self.model.get_weights()

class Net(nnx.Module):
    def __init__(self, rngs):
        self.first, self.norm = nnx.Linear(8, 4, rngs=rngs), nnx.BatchNorm(4, rngs=rngs)
        self.last = nnx.Linear(4, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.norm(self.first(x)))

cb.utils.set_random_seed(0)
layers = cb.layers.Dense(8, "relu"), cb.layers.Dropout(0.3), cb.layers.Dense(1)
for model in (cb.Sequential(layers), cb.Model(Net(nnx.Rngs(0)))):
    model.compile("adam", "mse", metrics=["mae"])
    held = x[:20], y[:20]
    common = {"batch_size": 16, "verbose": 0}
    model.fit(x, y, epochs=2, validation_data=held, callbacks=[Reading()], **common)
    model.evaluate(x, y, **common)
    model.predict(x, **common)
print(json.dumps([told.count("cache_hits"), told.count("cache_misses")]))
"""


def test_every_program_is_found_again_in_a_second_process(tmp_path):
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }

    def run():
        command = [sys.executable, "-c", SCRIPT]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    (hits, misses), (hits_again, misses_again) = run(), run()
    assert misses > 10
    assert hits == 0
    assert (hits_again, misses_again) == (misses, 0)
