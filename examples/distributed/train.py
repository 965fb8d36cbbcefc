"""One script for one device, many devices and many machines.

    python examples/distributed/train.py runs/exp1
    mpirun -n 2 python examples/distributed/train.py runs/exp1
    srun --requeue -n 2 python examples/distributed/train.py runs/exp1

On Kubernetes it is the command of a JobSet with ``maxRestarts``. Whoever starts it again continues
the run bit for bit: the directory, which all machines see, knows how far it has come.
"""

import sys

import numpy as np

import callbax as cb
from callbax import keras
from callbax.distribution import DataParallel, initialize, set_distribution


def train(directory: str, callbacks: tuple[object, ...] = ()) -> float:
    """Trains a small network on all devices of all processes; returns its last loss."""
    keras.utils.set_random_seed(0)
    set_distribution(DataParallel())
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 16)).astype("float32")
    y = np.sin(x).sum(1, keepdims=True)
    layers = keras.layers
    model = keras.Sequential([layers.Dense(32, "relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    resume = cb.callbacks.Checkpoint(directory, save_freq=4)
    every = [*callbacks, keras.callbacks.CSVLogger(f"{directory}/log.csv")]
    fit = {"batch_size": 64, "epochs": 5, "verbose": 2}
    history = model.fit(x, y, callbacks=every, resume=resume, **fit)
    return history.history["loss"][-1]


if __name__ == "__main__":
    initialize()
    loss = train(sys.argv[1] if len(sys.argv) > 1 else "out/distributed")
    print(f"loss {loss:.6f}")
