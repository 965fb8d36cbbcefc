"""Lightning: the blocks of docs/from_lightning.md that are written for it run as printed."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "from_lightning.md"
BLOCKS = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore")
def test_the_left_side_runs(optional, tmp_path, monkeypatch, capsys):
    lightning = optional("lightning")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for source in BLOCKS:
        exec(compile(source, str(PAGE), "exec"), names)
    assert len(BLOCKS) == 3
    # Its bar may stand before them on the line.
    shown = re.findall(r"\b(\d+) \d+\.\d{5,}$", capsys.readouterr().out, re.MULTILINE)
    assert shown == ["0", "4"]
    assert issubclass(names["Regression"], lightning.LightningModule)
