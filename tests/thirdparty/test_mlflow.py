"""MLflow's Keras callback, with a local store."""

import pytest
from tests.thirdparty._run import BATCHES, EPOCHS, fit, with_keras

pytestmark = pytest.mark.filterwarnings(
    # Of MLflow's own packages, in its store.
    "ignore:The ``noload`` loader strategy",
    "ignore::DeprecationWarning:mlflow",
    "ignore::ResourceWarning",
)


@pytest.fixture(scope="module")
def mlflow(optional, tmp_path_factory):
    """The package, with a store and an experiment of this file's own."""
    package = optional("mlflow", "mlflow.keras")
    place = tmp_path_factory.mktemp("mlflow")
    before = package.get_tracking_uri()
    package.set_tracking_uri(f"sqlite:///{place}/store.db")
    package.create_experiment("callbax", artifact_location=(place / "artifacts").as_uri())
    package.set_experiment("callbax")
    yield package
    package.set_tracking_uri(before)


def losses(mlflow, run):
    """Returns step and value of every loss that was logged."""
    mlflow.flush_async_logging()
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")
    return [(metric.step, metric.value) for metric in history]


def test_it_logs_optimizer_summary_and_epochs(mlflow, make):
    logged = []
    for each in with_keras(make):
        with mlflow.start_run() as run:
            model = fit(each(), mlflow.keras.MlflowCallback())
        history = model.history.history
        assert losses(mlflow, run) == list(enumerate(history["loss"]))
        data = mlflow.get_run(run.info.run_id).data
        assert data.metrics["val_mae"] == history["val_mae"][-1]
        assert data.metrics["validation_loss"] == history["val_loss"][-1]
        assert data.params["optimizer_learning_rate"] == str(float(model.optimizer.learning_rate))
        summary = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/model_summary.txt")
        assert "Total params" in summary
        logged.append((data.metrics, data.params))
    assert all(one == logged[0] for one in logged)


def test_it_logs_batches(mlflow, make):
    logged = []
    for each in with_keras(make):
        callback = mlflow.keras.MlflowCallback(log_every_epoch=False, log_every_n_steps=BATCHES)
        with mlflow.start_run() as run:
            fit(each(), callback)
        logged.append(losses(mlflow, run))
    assert [step for step, _ in logged[0]] == [BATCHES * n for n in range(1, EPOCHS + 1)]
    assert all(one == logged[0] for one in logged)


def test_limit_autolog_patches_only_keras_s_own_model(mlflow, make):
    mlflow.keras.autolog(silent=True, log_models=False, log_datasets=False)
    try:
        with mlflow.start_run() as run:
            fit(make())
        assert losses(mlflow, run) == []
    finally:
        mlflow.keras.autolog(disable=True, silent=True)
