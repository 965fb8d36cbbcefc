"""Pages that run as printed, block after block."""

import pytest
from tests.docs.test_guides import DOCS, python_blocks


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("page", ["costs.md", "pictures.md", "resume.md", "time_travel.md"])
def test_a_page_runs(page, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names = {"__name__": page}
    for line, source in python_blocks(DOCS / page):
        exec(compile("\n" * line + source, str(DOCS / page), "exec"), names)
