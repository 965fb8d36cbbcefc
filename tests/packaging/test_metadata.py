"""What the package says of itself is the same everywhere, and true."""

import importlib.util
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import callbax

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_there_is_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert {PROJECT["version"], citation["version"], newest[1]} == {PROJECT["version"]}
    assert callbax.__version__ == version("callbax")


def test_links_of_the_page_on_an_index_lead_to_the_repository():
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "setup.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    before = LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    after = LINK.findall(script.described())
    start = f"{PROJECT['urls']['Repository']}/blob/main/"
    relative = [link for link in before if "://" not in link]
    assert len(relative) > 5
    assert after == [start + link if link in relative else link for link in before]
    assert [link for link in relative if not (ROOT / link).exists()] == []


def names(requirements):
    return {re.match(r"[\w-]+", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_something(extra):
    assert names(EXTRAS[extra]) - names(PROJECT["dependencies"])


def test_every_extra_that_a_message_names_is_there():
    texts = [*ROOT.glob("src/**/*.py"), *ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    named = {
        name
        for path in texts
        for names in re.findall(r"callbax\[([\w,]+)\]", path.read_text(encoding="utf-8"))
        for name in names.split(",")
    }
    assert named
    assert named <= set(EXTRAS)


def test_the_oldest_versions_declared_are_those_that_are_tested():
    pins = dict(
        line.split("==") for line in (ROOT / "constraints-lowest.txt").read_text().splitlines()
    )
    declared = {}
    for requirement in PROJECT["dependencies"]:
        name, lowest = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement).groups()
        declared[name] = lowest
    for name, lowest in declared.items():
        digits = pins[name].split(".")
        asked = lowest.split(".")
        assert digits[: len(asked)] == asked, name
        assert set(digits[len(asked) :]) <= {"0"}, f"{name}=={pins[name]} is not the oldest"
