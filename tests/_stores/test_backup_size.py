"""A backup holds weights and optimizer once."""

import numpy as np
import pytest

import callbax as cb

X = np.random.default_rng(0).normal(size=(8, 200)).astype("float32")


@pytest.mark.parametrize(("optimizer", "copies"), [("adam", 3), ("rmsprop", 2), ("sgd", 1)])
def test_a_backup_is_as_large_as_what_it_holds(optimizer, copies, tmp_path):
    model = cb.Sequential([cb.layers.Dense(2000), cb.layers.Dense(1)])
    model.compile(optimizer, "mse")
    backup = cb.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
    model.fit(X, X[:, :1], verbose=0, callbacks=[backup])
    weights = sum(weight.nbytes for weight in model.get_weights())
    (size,) = (p.stat().st_size for p in tmp_path.iterdir() if p.name == "latest.weights.h5")
    assert copies <= size / weights < copies + 0.05
