"""Comet's Keras callback, in an offline experiment."""

import json
import zipfile
from pathlib import Path

import pytest
from tests.thirdparty._run import EPOCHS, fit, with_keras

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def written(directory):
    """Returns the metrics in an experiment's archive, by name, as (step, value)."""
    (archive,) = Path(directory).glob("*.zip")
    found = {}
    with zipfile.ZipFile(archive) as opened:
        for line in opened.read("messages.json").splitlines():
            metric = (json.loads(line).get("payload") or {}).get("metric")
            if metric:
                point = metric.get("step"), metric["metricValue"]
                found.setdefault(metric["metricName"], []).append(point)
    return found


def test_it_logs_epochs(optional, make, monkeypatch):
    comet = optional("comet_ml")
    logged = []
    for each in with_keras(make):
        directory = f"comet-{each.__name__}"
        experiment = comet.OfflineExperiment(
            offline_directory=directory,
            project_name="callbax",
            log_code=False,
            log_env_details=False,
            auto_metric_logging=True,
            display_summary_level=0,
        )
        model = fit(each(), experiment.get_callback("keras"))
        experiment.end()
        history = model.history.history
        found = written(directory)
        epochs = [value for _, value in found["val_loss"] if value in history["val_loss"]]
        assert len(epochs) >= EPOCHS, sorted(found)
        logged.append({name: found[name] for name in ("loss", "val_loss", "val_mae")})
    assert all(one == logged[0] for one in logged)
