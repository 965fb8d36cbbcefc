"""DVCLive's Keras callback."""

import json
from pathlib import Path

import pytest
from tests.thirdparty._run import EPOCHS, fit, with_keras


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_logs_every_epoch(optional, make):
    written = []
    for each in with_keras(make):
        live = optional("dvclive.keras", "tensorflow").DVCLiveCallback(
            dir=each.__name__, save_dvc_exp=False, report=None, dvcyaml=None
        )
        history = fit(each(), live).history.history
        place = Path(each.__name__)
        assert json.loads((place / "metrics.json").read_text()) == {
            "train": {"loss": history["loss"][-1], "mae": history["mae"][-1]},
            "eval": {"loss": history["val_loss"][-1], "mae": history["val_mae"][-1]},
            "step": EPOCHS - 1,
        }
        written.append((place / "plots/metrics/eval/loss.tsv").read_text())
        assert len(written[-1].splitlines()) == EPOCHS + 1
    assert len(set(written)) == 1
