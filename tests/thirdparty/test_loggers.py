"""The loggers for W&B, MLflow and DVCLive: what their Keras callbacks log, and each row once."""

import copy
import csv
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from tests.thirdparty._run import BATCHES, EPOCHS, X, Y, fit

from callbax import callbacks

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:wandb",
    "ignore::DeprecationWarning:mlflow",
    "ignore::DeprecationWarning:dvclive",
    "ignore:The ``noload`` loader strategy",
    "ignore::ResourceWarning",
)
FREQUENCIES = ["epoch", "batch", 2]


@pytest.fixture(scope="module")
def mlflow(optional, tmp_path_factory):
    package = optional("mlflow", "mlflow.keras")
    place = tmp_path_factory.mktemp("mlflow")
    before = package.get_tracking_uri()
    package.set_tracking_uri(f"sqlite:///{place}/store.db")
    package.create_experiment("loggers", artifact_location=(place / "artifacts").as_uri())
    package.set_experiment("loggers")
    yield package
    package.set_tracking_uri(before)


@pytest.fixture
def wandb(optional, tmp_path):
    """The package, whose runs note what they are told."""
    package = optional("wandb", "wandb.integration.keras", "tensorflow")
    yield package
    if package.run is not None:
        package.run.finish()


class Noted:
    """A run of W&B, and the rows that it was given."""

    def __init__(self, wandb, monkeypatch):
        self.run, self.rows = wandb.init(mode="offline", project="callbax"), []
        log = type(self.run).log

        def note(run, data, *args, **kwargs):
            self.rows.append(dict(data))
            return log(run, data, *args, **kwargs)

        # `wandb.log` is a method of the run, bound when that begins.
        monkeypatch.setattr(type(self.run), "log", note)
        monkeypatch.setattr(wandb, "log", self.run.log)


class MLflow:
    """Runs of MLflow: what a fit logs, as metric -> steps and values."""

    def __init__(self, mlflow):
        self._mlflow = mlflow

    def theirs(self, freq):
        by_batch = {"log_every_epoch": False, "log_every_n_steps": 1 if freq == "batch" else freq}
        return self._mlflow.keras.MlflowCallback(**({} if freq == "epoch" else by_batch))

    def read(self, run_id):
        client, found = self._mlflow.MlflowClient(), {}
        for name in client.get_run(run_id).data.metrics:
            history = client.get_metric_history(run_id, name)
            found[name] = sorted((metric.step, metric.value) for metric in history)
        return found

    def last(self):
        return self._mlflow.last_active_run().info.run_id


def read_live(directory):
    """Returns what DVCLive's files hold, as metric -> rows."""
    return {
        str(path.relative_to(directory)): list(csv.reader(path.open(), delimiter="\t"))
        for path in Path(directory).glob("**/*.tsv")
    }


@pytest.mark.parametrize("freq", ["epoch", "batch"])
def test_wandb_rows_are_those_of_its_keras_callback(wandb, make, freq, monkeypatch):
    noted = Noted(wandb, monkeypatch)
    fit(make(), callbacks.WandbLogger(log_freq=freq))
    ours, noted.rows[:] = list(noted.rows), []
    assert noted.run.config["optimizer_learning_rate"] == pytest.approx(0.1)
    fit(make(), wandb.integration.keras.WandbMetricsLogger(log_freq=freq))
    assert ours == noted.rows
    assert len(ours) == EPOCHS + (EPOCHS * BATCHES if freq == "batch" else 0)


def test_wandb_says_that_a_run_is_missing(wandb, make):
    with pytest.raises(RuntimeError, match=r"`WandbLogger\(\)`: expected a run of W&B, received "
                       r"none\.\nCall `wandb.init"):  # fmt: skip
        fit(make(), callbacks.WandbLogger())


@pytest.mark.parametrize("freq", FREQUENCIES)
def test_mlflow_metrics_are_those_of_its_keras_callback(mlflow, make, freq):
    runs = MLflow(mlflow)
    with mlflow.start_run() as run:
        fit(make(), callbacks.MLflowLogger(log_freq=freq))
    ours, data = runs.read(run.info.run_id), mlflow.get_run(run.info.run_id).data
    assert "Total params" in mlflow.artifacts.load_text(
        f"{run.info.artifact_uri}/model_summary.txt"
    )
    with mlflow.start_run() as run:
        fit(make(), runs.theirs(freq))
    mlflow.flush_async_logging()
    theirs, params = runs.read(run.info.run_id), mlflow.get_run(run.info.run_id).data.params
    # Theirs logs validation once more, at step 0 whenever it was.
    theirs = {name: at for name, at in theirs.items() if not name.startswith("validation_")}
    validated = {name for name in ours if name.startswith("val_")}
    assert ours.keys() == theirs.keys() | validated | {"learning_rate"}
    assert {name: ours[name] for name in theirs} == theirs
    assert {step for step, _ in ours["val_loss"]} == (
        {*range(EPOCHS)} if freq == "epoch" else {BATCHES * n for n in range(1, EPOCHS + 1)}
    )
    # A name is numbered through the process.
    assert {**data.params, "optimizer_name": ""} == {**params, "optimizer_name": ""}


def test_mlflow_starts_a_run_if_there_is_none_and_ends_it(mlflow, make):
    def fail(epoch, logs):
        raise RuntimeError("stop here")

    assert mlflow.active_run() is None
    fit(make(), callbacks.MLflowLogger())
    assert mlflow.active_run() is None
    assert mlflow.last_active_run().info.status == "FINISHED"
    with pytest.raises(RuntimeError, match="stop here"):
        fit(make(), callbacks.MLflowLogger(), callbacks.LambdaCallback(on_epoch_end=fail))
    assert mlflow.active_run() is None
    assert mlflow.get_run(MLflow(mlflow).last()).info.status == "FAILED"


def test_dvclive_files_are_those_of_its_keras_callback(optional, make):
    theirs = optional("dvclive.keras", "tensorflow").DVCLiveCallback
    options = {"save_dvc_exp": False, "report": None, "dvcyaml": None}
    fit(make(), callbacks.DVCLiveLogger(dir="ours", **options))
    fit(make(), theirs(dir="theirs", **options))
    ours, expected = read_live("ours/plots/metrics"), read_live("theirs/plots/metrics")
    assert ours.keys() == expected.keys() | {"train/learning_rate.tsv"}
    assert {name: ours[name] for name in expected} == expected
    assert "optimizer_learning_rate" in Path("ours/params.yaml").read_text()


class Stop(Exception):
    """Ends a run as a kill would, but for what is closed."""


def interrupted(model, logger, at):
    """Fits with a record every two batches, and an end in the middle if `at` is a batch."""

    def stop(batch, logs):
        seen.append(batch)
        if len(seen) == at:
            raise Stop

    seen = []
    stopping = callbacks.LambdaCallback(on_train_batch_end=stop)
    record = callbacks.Checkpoint("record", "2 batches")
    arguments = {"batch_size": 8, "epochs": EPOCHS, "verbose": 0, "shuffle": False}
    # The logger comes first: what it logs at the batch of the end is not in the record.
    model.fit(
        X, Y, **arguments, validation_data=(X, Y), callbacks=[logger, stopping], resume=record
    )


@pytest.mark.parametrize("at", [5, 6, 9])
@pytest.mark.parametrize("freq", ["epoch", "batch"])
class TestEveryRowIsLoggedOnce:
    """A run that is stopped between two records, and another that is not."""

    def test_by_mlflow(self, mlflow, make, freq, at):
        runs = MLflow(mlflow)
        with pytest.raises(Stop):
            interrupted(make(), callbacks.MLflowLogger(log_freq=freq), at)
        first = runs.last()
        interrupted(make(), callbacks.MLflowLogger(log_freq=freq), None)
        assert runs.last() == first
        assert mlflow.get_run(first).info.status == "FINISHED"
        with mlflow.start_run() as whole:
            fit(make(), callbacks.MLflowLogger(log_freq=freq))
        assert runs.read(first) == runs.read(whole.info.run_id)

    def test_by_dvclive(self, optional, make, freq, at):
        optional("dvclive")
        options = {"log_freq": freq, "save_dvc_exp": False, "dvcyaml": None}
        with pytest.raises(Stop):
            interrupted(make(), callbacks.DVCLiveLogger(dir="live", **options), at)
        interrupted(make(), callbacks.DVCLiveLogger(dir="live", **options), None)
        fit(make(), callbacks.DVCLiveLogger(dir="whole", **options))
        assert read_live("live") == read_live("whole")

    def test_by_wandb(self, wandb, make, freq, at, monkeypatch):
        noted = Noted(wandb, monkeypatch)
        with pytest.raises(Stop):
            interrupted(make(), callbacks.WandbLogger(log_freq=freq), at)
        interrupted(make(), callbacks.WandbLogger(log_freq=freq), None)
        rows, noted.rows[:] = list(noted.rows), []
        fit(make(), callbacks.WandbLogger(log_freq=freq))
        assert rows == noted.rows


KILLED = """
import os, signal, sys
import mlflow
from callbax import callbacks
from tests.thirdparty._run import EPOCHS, X, Y, native
mlflow.set_tracking_uri("sqlite:///store.db")
seen = []

def kill(batch, logs):
    seen.append(batch)
    if len(seen) == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

native().fit(
    X, Y, batch_size=8, epochs=EPOCHS, verbose=0, shuffle=False, validation_data=(X, Y),
    callbacks=[
        callbacks.MLflowLogger("batch"),
        callbacks.DVCLiveLogger("batch", save_dvc_exp=False, dvcyaml=None),
        callbacks.LambdaCallback(on_train_batch_end=kill),
    ],
    resume=callbacks.Checkpoint("record", "2 batches"),
)
"""


def run(script, *arguments, directory):
    root = str(Path(__file__).parents[2])
    script = f"import sys; sys.path.insert(0, {root!r})\n{script}"
    directory.mkdir(exist_ok=True)
    # MLflow tells processes below this one its experiment, which their stores do not have.
    inherited = {key: value for key, value in os.environ.items() if "MLFLOW_EXPERIMENT" not in key}
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=directory,
        env=inherited,
    )


def test_a_killed_process_leaves_no_row_twice_and_none_out(mlflow, optional, tmp_path):
    optional("dvclive")
    for name, ends in (("killed", (5, 4, 0)), ("whole", (0,))):
        for at in ends:
            done = run(KILLED, at, directory=tmp_path / name)
            assert done.returncode == (-9 if at else 0), done.stderr
    found = []
    for name in ("killed", "whole"):
        client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/{name}/store.db")
        (logged,) = client.search_runs(["0"])
        metrics = {
            key: sorted((metric.step, metric.value) for metric in
                        client.get_metric_history(logged.info.run_id, key))
            for key in logged.data.metrics
        }  # fmt: skip
        found.append((metrics, read_live(tmp_path / name / "dvclive")))
    assert found[0] == found[1]
    assert len(found[0][0]["loss"]) == EPOCHS * BATCHES


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
import mlflow, wandb
from callbax import callbacks
from tests.thirdparty._run import fit, native
wandb.init(mode="offline")
mlflow.set_tracking_uri("sqlite:///store.db")
live = callbacks.DVCLiveLogger(save_dvc_exp=False, dvcyaml=None)
fit(native(), callbacks.WandbLogger(), callbacks.MLflowLogger(), live)
print(wandb.run.summary["epoch/epoch"], mlflow.last_active_run().data.metrics["loss"])
wandb.finish()
"""


def test_none_of_them_needs_tensorflow(optional, tmp_path):
    for name in ("wandb", "mlflow", "dvclive"):
        optional(name)
    done = run(WITHOUT_TENSORFLOW, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"{EPOCHS - 1} ")


@pytest.mark.parametrize("way", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_of_one_in_use_has_its_settings_and_no_run(wandb, mlflow, make, way, monkeypatch):
    Noted(wandb, monkeypatch)
    used = [
        callbacks.WandbLogger(log_freq=2),
        callbacks.MLflowLogger(log_freq=2),
        callbacks.DVCLiveLogger(log_freq=2, save_dvc_exp=False, dvcyaml=None),
    ]
    copies = []
    take = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: copies.extend(map(way, used)))
    fit(make(), *used, take)
    assert [each.log_freq for each in copies[:3]] == [2, 2, 2]
    fit(make(), *copies[:3])


def test_a_process_whose_hooks_are_not_called_takes_the_state_and_touches_nothing(wandb, tmp_path):
    states = {
        "WandbLogger": {"batches": 3, "run": "a"},
        "MLflowLogger": {"batches": 3, "run": "a"},
        "DVCLiveLogger": {"batches": 3},
    }
    for name, state in states.items():
        logger = getattr(callbacks, name)()
        logger.load_state_dict(state)
        logger.teardown()
        assert logger.state_dict()["batches"] == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["WandbLogger", "MLflowLogger", "DVCLiveLogger"])
def test_an_illegal_frequency_is_named(optional, name):
    for package in ("wandb", "mlflow", "dvclive"):
        optional(package)
    with pytest.raises(ValueError, match=rf"`{name}\(log_freq='step'\)`: expected \"epoch\""):
        getattr(callbacks, name)(log_freq="step")
