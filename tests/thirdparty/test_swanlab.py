"""SwanLab's Keras logger, offline."""

import pytest
from tests.thirdparty._run import BATCHES, EPOCHS, fit, with_keras

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.mark.parametrize(("frequency", "rows"), [("epoch", 0), ("batch", EPOCHS * BATCHES)])
def test_it_logs_epochs_and_batches(optional, make, monkeypatch, tmp_path, frequency, rows):
    swanlab = optional("swanlab", "tensorflow")
    keras = optional("swanlab.integration.keras")
    logged, every = [], []
    for each in with_keras(make):
        swanlab.init(mode="offline", logdir=str(tmp_path / "swanlab"), project="callbax")
        monkeypatch.setattr(swanlab, "log", lambda data, *a, **k: logged.append(dict(data)))
        try:
            history = fit(each(), keras.SwanLabLogger(log_freq=frequency)).history.history
        finally:
            swanlab.finish()
        epochs = [row for row in logged if "epoch/epoch" in row]
        assert [row["epoch/val_loss"] for row in epochs] == history["val_loss"]
        assert len(logged) - len(epochs) == rows
        every.append(list(logged))
        logged.clear()
    assert all(one == every[0] for one in every)
