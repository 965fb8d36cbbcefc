"""The page about modules of other kinds: its code runs as printed and says what it promises."""

import re
from pathlib import Path

import pytest
from tests.docs.test_guides import python_blocks

import callbax as cb
from callbax._modules import _adapters

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
PROMISED = [
    "learned: True",
    "trained: ['layers/2/weight', 'layers/2/bias']",
    "reported: ['error', 'kl', 'loss']",
    "coefficients: [ 3.  0. -1.]",
]


def test_the_code_runs_in_order(capsys, monkeypatch):
    monkeypatch.setattr(_adapters, "ADAPTERS", list(_adapters.ADAPTERS))
    namespace = {"__name__": "page"}
    for line, source in python_blocks(PAGE):
        exec(compile("\n" * line + source, str(PAGE), "exec"), namespace)
    assert capsys.readouterr().out.splitlines() == PROMISED
    beta = namespace["vae"].beta
    assert float(beta[...]) == pytest.approx(0.2), "annealed up to the last epoch"
    logs = {key: values[-1] for key, values in namespace["history"].history.items()}
    assert logs["loss"] == pytest.approx(logs["error"] + 0.2 * logs["kl"], rel=1e-5), "and counted"


def test_without_its_adapter_the_module_is_refused():
    namespace = {"__name__": "page"}
    for _, source in python_blocks(PAGE)[:-1]:
        exec(source, namespace)
    source = python_blocks(PAGE)[-1][1].replace("_adapters.ADAPTERS.append", "print")
    with pytest.raises(TypeError, match=r"(?s)Model\(module\).*type Polynomial.*extending\.md"):
        exec(source, namespace)


def test_another_kind_takes_less_than_forty_lines():
    last = python_blocks(PAGE)[-1][1]
    whole = [line for line in last.splitlines() if line.strip()]
    assert len(whole) < 40


def test_the_page_names_what_there_is():
    text = PAGE.read_text(encoding="utf-8")
    folder = Path(cb.__file__).parent / "_modules"
    for name in re.findall(r"`(_\w+\.py)`", text):
        assert (folder / name).exists()
