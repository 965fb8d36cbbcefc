"""Weights & Biases' callbacks, offline."""

import pytest
from tests.thirdparty._run import BATCHES, EPOCHS, fit, plain, with_keras

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:wandb", "ignore::ResourceWarning"
)


@pytest.fixture
def wandb(optional, tmp_path):
    """The package; it is told about a run, which ends with the test."""
    optional("wandb.integration.keras", "tensorflow")
    package = optional("wandb")
    run = package.init(project="callbax", mode="offline", dir=str(tmp_path))
    yield package
    run.finish()


@pytest.mark.parametrize(
    ("frequency", "key", "last"),
    [("epoch", "epoch/epoch", EPOCHS - 1), ("batch", "batch/batch_step", EPOCHS * BATCHES - 1)],
)
def test_it_logs_metrics(wandb, optional, make, frequency, key, last):
    logged = []
    for each in with_keras(make):
        callback = optional("wandb.integration.keras").WandbMetricsLogger(log_freq=frequency)
        model = fit(each(), callback)
        summary = dict(wandb.run.summary)
        assert summary[key] == last
        assert summary["epoch/val_loss"] == model.history.history["val_loss"][-1]
        assert summary["epoch/learning_rate"] == float(model.optimizer.learning_rate)
        logged.append({name: summary[name] for name in summary if name[0] != "_"})
    assert all(one == logged[0] for one in logged)


@pytest.mark.parametrize(
    ("filepath", "arguments", "files"),
    [
        ("{epoch}.keras", {}, EPOCHS),
        ("{epoch}-{batch}.weights.h5", {"save_weights_only": True, "save_freq": BATCHES}, EPOCHS),
    ],
)
def test_it_saves_checkpoints(
    wandb, optional, make, monkeypatch, tmp_path, filepath, arguments, files
):
    logged = []
    monkeypatch.setattr(
        wandb, "log_artifact", lambda artifact, aliases: logged.append((artifact, aliases))
    )
    checkpoint = optional("wandb.integration.keras").WandbModelCheckpoint
    fit(make(), checkpoint(str(tmp_path / filepath), **arguments))
    assert len(list(tmp_path.glob(f"*.{filepath.split('.')[-1]}"))) == files
    assert [len(artifact.manifest.entries) for artifact, _ in logged] == [1] * files


def test_limit_w_and_b_refuses_tables_offline_under_keras_too(wandb, optional, make):
    class Table(optional("wandb.integration.keras").WandbEvalCallback):
        def add_ground_truth(self, logs=None):
            self.data_table.add_data(0)

        def add_model_predictions(self, epoch, logs=None):
            self.pred_table.add_data(epoch)

    for model in (plain(), make()):
        with pytest.raises(TypeError, match="Cannot use artifact when in offline mode"):
            fit(model, Table(["row"], ["epoch"]))
