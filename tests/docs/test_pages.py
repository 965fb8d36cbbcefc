"""The pages of the site: their code runs as printed, in both languages; pictures are up to date."""

import importlib.util
import re

import pytest
from tests.docs.test_guides import DOCS, python_blocks

RUN_HERE = (
    "citing",
    "faq",
    "from_a_loop",
    "from_keras",
    "from_lightning",
    "getting_started",
    "scale",
    "third_party",
    "timeline",
)
RUN_ELSEWHERE = (
    "costs",
    "custom_callbacks",
    "extending",
    "models",
    "pictures",
    "resume",
    "time_travel",
)
"""By the other files of this folder."""
KOREAN = sorted(DOCS.rglob("*.ko.md"))


@pytest.mark.parametrize("page", RUN_HERE)
def test_a_page_runs(page):
    names = {"__name__": page}
    for line, source in python_blocks(DOCS / f"{page}.md"):
        exec(compile("\n" * line + source, str(DOCS / f"{page}.md"), "exec"), names)


def test_no_page_is_left_out():
    pages = [path for path in DOCS.glob("*.md") if python_blocks(path) and path not in KOREAN]
    assert sorted(path.stem for path in pages) == sorted([*RUN_HERE, *RUN_ELSEWHERE])


def code_in(page):
    """Returns the blocks of a page, or the cells of a notebook; the build runs these."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```(?:python|\{code-cell\}.*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("korean", KOREAN, ids=lambda path: path.name)
def test_both_languages_have_the_same_code(korean):
    english = korean.with_name(korean.name.replace(".ko.md", ".md"))
    assert code_in(korean) == code_in(english)
    assert re.search("[가-힣]", korean.read_text(encoding="utf-8"))


def test_every_notebook_is_there_in_korean():
    names = {path.name.partition(".")[0] for path in (DOCS / "notebooks").glob("*.md")}
    assert len(names) == 4
    assert names == {path.name.partition(".")[0] for path in KOREAN if "notebooks" in path.parts}


def test_the_pictures_of_the_timeline_are_up_to_date(tmp_path):
    spec = importlib.util.spec_from_file_location("timeline", DOCS / "timeline.py")
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    drawing.write(tmp_path)
    drawn = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("timeline_*.svg")}
    assert drawn == kept, "run python docs/timeline.py"
