"""DVCLive's Keras callback."""

import json
from pathlib import Path

import pytest
from tests.thirdparty._run import EPOCHS, fit


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_logs_every_epoch(optional):
    live = optional("dvclive.keras", "tensorflow").DVCLiveCallback(
        dir="live", save_dvc_exp=False, report=None, dvcyaml=None
    )
    history = fit(live).history.history
    assert json.loads(Path("live/metrics.json").read_text()) == {
        "train": {"loss": history["loss"][-1], "mae": history["mae"][-1]},
        "eval": {"loss": history["val_loss"][-1], "mae": history["val_mae"][-1]},
        "step": EPOCHS - 1,
    }
    rows = Path("live/plots/metrics/eval/loss.tsv").read_text().splitlines()
    assert len(rows) == EPOCHS + 1
