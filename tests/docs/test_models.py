"""docs/models.md runs as printed, and docs/names.md is up to date."""

import importlib.util

import pytest
from tests.docs.test_guides import DOCS, python_blocks

BLOCKS = python_blocks(DOCS / "models.md")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("line", "source"), BLOCKS, ids=[f"line {line}" for line, _ in BLOCKS])
def test_a_block_runs(line, source):
    exec(compile("\n" * line + source, str(DOCS / "models.md"), "exec"), {"__name__": "models"})


def test_every_name_is_where_the_page_says():
    spec = importlib.util.spec_from_file_location("names", DOCS / "names.py")
    names = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(names)
    assert names.PAGE.read_text(encoding="utf-8") == names.page(), "run python docs/names.py"
