"""A Keras model's run, killed and started again, ends where the uninterrupted one ends."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

SCRIPT = """
import os, sys
import keras, numpy as np
import callbax as cb
from callbax.callbacks import BackupAndRestore, LambdaCallback

folder, out, kill = sys.argv[1], sys.argv[2], int(sys.argv[3])
keras.utils.set_random_seed(1)
layers = keras.layers
model = keras.Sequential([
    keras.Input((4,)), layers.Dense(6), layers.BatchNormalization(), layers.Dropout(0.3),
    layers.GaussianNoise(0.1), layers.Dense(1),
])
inner = keras.optimizers.Adam(0.01, use_ema=True)
model.compile(
    keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0, dynamic_growth_steps=3),
    "mse", metrics=["mae"],
)
x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
done = []

def end(batch, logs):
    done.append(batch)
    if len(done) == kill:
        os._exit(9)

history = cb.Model(model, seed=3).fit(
    x, x[:, :1], epochs=4, batch_size=8, verbose=0,
    callbacks=[LambdaCallback(on_train_batch_end=end), BackupAndRestore(folder, save_freq=SAVE)],
)
arrays = [np.array(v.value) for v in (*model.variables, *model.optimizer.variables)]
np.savez(out, *arrays, loss=history.history["loss"], mae=history.history["mae"])
"""


def run(script, *args):
    return subprocess.run(
        [sys.executable, str(script), *map(str, args)],
        capture_output=True,
        text=True,
        env=os.environ,
    )


@pytest.mark.every(2)
@pytest.mark.parametrize("save_freq", [3, "epoch"])
def test_it_ends_where_the_uninterrupted_run_ends(tmp_path, save_freq):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT).replace("SAVE", repr(save_freq)))
    plain = run(script, tmp_path / "a", tmp_path / "plain.npz", 0)
    assert plain.returncode == 0, plain.stderr
    killed = run(script, tmp_path / "b", tmp_path / "resumed.npz", 17)
    assert killed.returncode == 9, killed.stderr
    resumed = run(script, tmp_path / "b", tmp_path / "resumed.npz", 0)
    assert resumed.returncode == 0, resumed.stderr
    with np.load(tmp_path / "plain.npz") as one, np.load(tmp_path / "resumed.npz") as other:
        assert set(one) == set(other)
        for name in one:
            assert one[name].tobytes() == other[name].tobytes(), name
