"""docs/tools.md: its results are those of tests, and its code runs."""

import re
from pathlib import Path

import pytest

import callbax

PAGE = Path(__file__).parents[2] / "docs" / "tools.md"
TEXT = PAGE.read_text(encoding="utf-8")
TOOLS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT[TEXT.index("## Tools") :].splitlines()
    if line.startswith("| ") and "| State |" not in line
]
LOGGERS = re.findall(
    r'\| [\w& ]+ \| `pip install "callbax\[(\w+)\]"` \| `callbacks\.(\w+)` \|', TEXT
)


@pytest.mark.parametrize("row", TOOLS, ids=lambda row: row[0])
def test_every_result_is_that_of_a_test_or_has_a_reason(row):
    package, what, state, why, link = row
    assert state in ("works", "in part", "does not")
    if not link:
        assert why.startswith("not tried: ")
        return
    text = (PAGE.parent / re.search(r"\((.*)\)$", link)[1]).read_text(encoding="utf-8")
    assert package in text.splitlines()[0]
    assert what.strip("`").split(".")[-1] in text
    assert why or state == "works"


def test_every_logger_has_its_extra():
    project = (PAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert len(LOGGERS) == 4
    for extra, name in LOGGERS:
        assert re.search(rf'^{extra} = \["{extra}>=', project, re.MULTILINE)
        assert hasattr(callbax.callbacks, name)


def test_the_search_of_the_page_runs():
    datasets = pytest.importorskip("sklearn.datasets")
    (code,) = (block for block in re.findall(r"```py\n(.*?)```", TEXT, re.DOTALL)
               if "GridSearchCV(" in block)  # fmt: skip
    x, y = datasets.make_blobs(60, centers=3, random_state=0)
    code = code.replace("[16, 64]", "[4]").replace("[5, 20]", "[1, 300]")
    names = {"cb": callbax, "x": x, "y": y}
    exec(code, names)
    found = names["search"].cv_results_
    assert [(each["fit__epochs"], each["model__units"]) for each in found["params"]] == [
        (1, 4),
        (300, 4),
    ]
    assert found["mean_test_score"][1] > 0.5
