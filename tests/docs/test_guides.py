"""The guides: their code runs as printed, says what they promise, and is the same in both."""

import random
import re
from pathlib import Path

import numpy as np
import pytest

import callbax
from callbax._core._hooks import HOOKS

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = {"English": DOCS / "custom_callbacks.md", "Korean": DOCS / "custom_callbacks.ko.md"}

# In this order, each as a whole line; numbers that depend on the training are left open.
PROMISED_LINES = [
    "Training for 2 epochs",
    r"Epoch 1 ended with a loss of \d\.\d{3}",
    "train begins",
    "  epoch 0 begins",
    "    training batch 0 begins",
    "    training batch 0 ends",
    "    training batch 2 ends",
    "    validation begins",
    "    validation ends",
    r"  epoch 0 ends: \['accuracy', 'loss', 'val_accuracy', 'val_loss'\]",
    "train ends",
    r"batch 0, 400 samples: (\d\.\d{3}), on average \1",
    r"batch 3, 237 samples: \d\.\d{3}, on average \d\.\d{3}",
    r"after batch 2: accuracy \d\.\d\d",
    r"batch 0: predictions of shape \(120, 10\)",
    r"batch 2: predictions of shape \(120, 10\)",
    r"validated after batch 29: accuracy \d\.\d\d",
    r"validated after batch 44: accuracy \d\.\d\d",
    r"epochs: \[0, 1\]",
    r"validations: \[\(0, 29\), \(1, 14\), \(1, 44\)\]",
    r"Back to epoch \d+, which had a loss of \d\.\d{3}",
    r"[1-4]?\d of 50 epochs were needed",
    "Epoch 0: learning rate 0.0100",
    "Epoch 2: learning rate 0.0050",
    "Epoch 3: learning rate 0.0050",
    "Epoch 4: learning rate 0.0010",
    "epochs begun: 1",
    "rows predicted: 200",
    "fit raised: the fuse has blown",
    r"epochs finished: \[0\]",
    r"still able to evaluate: \['accuracy', 'loss'\]",
    r"\['epoch 0: accuracy \d\.\d\d', 'epoch 1: accuracy \d\.\d\d'\]",
    r"slowest batch: \d+\.\d{3} s",
    r"recorded: \['accuracy', 'learning_rate', 'loss', 'val_accuracy', 'val_loss'\]",
]


def python_blocks(guide):
    """(line of the file, source) of every Python block."""
    text = guide.read_text(encoding="utf-8")
    return [
        (text[: found.start(1)].count("\n"), found[1])
        for found in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


@pytest.fixture
def restored_generators():
    """Leaves the generators that the guide seeds as they were."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    yield
    random.setstate(python_state)
    np.random.set_state(numpy_state)


def test_the_code_runs_in_order(capsys, restored_generators):
    """That of one guide; the next test says that the other has the same."""
    guide = GUIDES["English"]
    namespace = {"__name__": "guide"}
    for line, source in python_blocks(guide):
        # The empty lines make tracebacks point at the line of the guide.
        exec(compile("\n" * line + source, str(guide), "exec"), namespace)
    printed = iter(capsys.readouterr().out.splitlines())
    for promised in PROMISED_LINES:
        assert any(re.fullmatch(promised, line) for line in printed), f"never printed: {promised}"


@pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)
def test_the_guide_names_every_built_in_callback(guide):
    rows = set(re.findall(r"^\| `cb\.callbacks\.(\w+)` \|", guide.read_text("utf-8"), re.MULTILINE))
    assert rows == set(callbax.callbacks.__all__) - {"BaseLogger", "Callback", "CallbackList"}


def test_the_readme_s_code_runs(capsys):
    names = {"__name__": "readme"}
    for _, source in python_blocks(DOCS.parent / "README.md"):
        exec(source, names)
    printed = capsys.readouterr().out
    assert re.search(r"^0\.9[78]\d at batch ([2-9]\d|1\d\d)$", printed, re.MULTILINE), (
        "stopped at the first such batch"
    )
    assert re.search(r"^\[\d\.\d+, 0\.\d+\]$", printed, re.MULTILINE), "what evaluate returned"


def test_both_guides_have_the_same_code():
    english, korean = ([source for _, source in python_blocks(guide)] for guide in GUIDES.values())
    assert len(english) > 5
    assert korean == english


@pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)
def test_every_name_in_the_guide_exists(guide):
    names = set(re.findall(r"\bcb((?:\.\w+)+)", guide.read_text(encoding="utf-8")))
    assert names
    for name in names:
        found = callbax
        for attribute in name.split(".")[1:]:
            assert hasattr(found, attribute), f"cb{name}: no {attribute!r} in {found!r}"
            found = getattr(found, attribute)


@pytest.mark.parametrize("guide", GUIDES.values(), ids=GUIDES)
def test_the_guide_names_every_hook(guide):
    text = guide.read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(on_\w+)` \| `(?:epoch, |batch, )?logs` \|", text, re.MULTILINE))
    assert rows == set(HOOKS)
