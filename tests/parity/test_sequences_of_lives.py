"""Random sequences of calls in which runs are killed and resumed, or looked back at.

Keras knows neither, and neither is to be seen in what the other calls come to: Keras makes the same
calls, and trains on.
"""

import keras
import pytest
from tests.extent import some
from tests.parity import many_kinds, many_modules
from tests.parity.lives import KilledRuns, LooksBack, LosingRuns
from tests.parity.many_kinds import Side
from tests.parity.many_modules import ModuleSide
from tests.parity.side_by_side import first_difference

import callbax as cb

SEEDS = some(range(40), range(3))
pytestmark = pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")


def compared(lives, side, seed, folder):
    """Returns a side, and after which call it differs from Keras, if it does."""
    kind, *served, calls = (many_kinds if side is Side else many_modules).sequence(seed)
    print(f"seed {seed}: {kind}, {served}, {calls}")
    folders = [folder / name for name in ("ours", "theirs")]
    for each in folders:
        each.mkdir()
    ours = type("Ours", (*lives, side), {"seed": seed})(cb, kind, folders[0], *served)
    return ours, first_difference(ours, side(keras, kind, folders[1], *served), calls)


@pytest.mark.parametrize("side", [Side, ModuleSide])
@pytest.mark.parametrize("seed", SEEDS)
def test_kills_are_not_to_be_seen(seed, side, tmp_path):
    ours, difference = compared([KilledRuns], side, seed, tmp_path)
    assert difference is None
    assert ours.kills > 0


@pytest.mark.parametrize("side", [Side, ModuleSide])
@pytest.mark.parametrize("seed", SEEDS)
def test_looks_back_are_not_to_be_seen(seed, side, tmp_path):
    ours, difference = compared([LooksBack], side, seed, tmp_path)
    assert difference is None
    assert ours.looks > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_modules_of_every_kind_train_as_keras_models_do(seed, tmp_path):
    _, difference = compared([], ModuleSide, seed, tmp_path)
    assert difference is None


@pytest.mark.parametrize("side", [Side, ModuleSide])
def test_a_run_that_loses_something_is_seen(side, tmp_path):
    _, difference = compared([LosingRuns], side, 0, tmp_path)
    assert "fit" in difference
