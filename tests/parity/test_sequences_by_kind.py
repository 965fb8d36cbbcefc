"""Random sequences of calls on models of many kinds, of callbax's layers and of Keras's.

`test_call_sequences` goes deep with one small model; this goes wide: convolutions and statistics,
several inputs and outputs, models in models, recurrent layers; weights of samples and classes,
generators that use a buffer again, hooks that read and write, callbacks, schedules, copies.
"""

import keras
import pytest
from tests.extent import some
from tests.parity.many_kinds import Side, sequence
from tests.parity.side_by_side import first_difference

import callbax as cb

SEEDS = some(range(100), range(8))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sequence_of_calls_is_as_in_keras(seed, tmp_path):
    kind, served, calls = sequence(seed)
    print(f"seed {seed}: {kind}, {'Keras' if served else 'callbax'}, {calls}")
    sides = []
    for lib in (cb, keras):
        folder = tmp_path / lib.__name__
        folder.mkdir()
        sides.append(Side(lib, kind, folder, served))
    assert first_difference(*sides, calls) is None
