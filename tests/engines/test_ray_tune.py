"""Ray Tune: a scheduler stops the bad trial, told of every epoch by a `LambdaCallback`."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from ray import init, tune
from ray.tune.schedulers import AsyncHyperBandScheduler

init(num_cpus=1, include_dashboard=False, log_to_driver=False)


def trial(config):
    import numpy as np
    import callbax as cb

    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    model = cb.Sequential([cb.layers.Dense(1, input_shape=(4,))], seed=0)
    model.compile(cb.optimizers.SGD(config["rate"]), "mse")

    def report(epoch, logs):
        tune.report({"epoch": epoch + 1, **logs})

    callback = cb.callbacks.LambdaCallback(on_epoch_end=report)
    model.fit(x, x.sum(1, keepdims=True), epochs=8, verbose=0, callbacks=callback)


scheduler = AsyncHyperBandScheduler(
    time_attr="epoch", metric="loss", mode="min", max_t=8, grace_period=2, reduction_factor=2
)
tuner = tune.Tuner(
    trial,
    # One after the other: the good one first, so that the bad one has something to be worse than.
    param_space={"rate": tune.grid_search([0.1, 1e-5])},
    tune_config=tune.TuneConfig(scheduler=scheduler, max_concurrent_trials=1),
    run_config=tune.RunConfig(storage_path=sys.argv[1], verbose=0),
)
found = {result.config["rate"]: result.metrics["epoch"] for result in tuner.fit()}
print("epochs", found[0.1], found[1e-5])
"""
LIMIT_SECONDS = 300
ROOT = Path(__file__).parents[2]


def test_a_trial_that_is_told_to_be_bad_is_stopped(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "results")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert "epochs 8 2" in done.stdout
