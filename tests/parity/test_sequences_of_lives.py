"""Random sequences of calls in which runs are killed and resumed, or looked back at.

Keras knows neither, and neither is to be seen in what the other calls come to: Keras makes the same
calls, and trains on.
"""

import copy
import os
import random

import keras
import pytest
from tests.parity.many_kinds import Side, sequence
from tests.parity.side_by_side import first_difference

import callbax as cb
from callbax.callbacks import Callback, Checkpoint, Recorder

SEEDS = range(int(os.environ.get("CALLBAX_SEQUENCES_OF_LIVES", "5")))
pytestmark = pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")


class Killed(BaseException):
    """Stands for SIGKILL."""


class Kill(Callback):
    """Ends the process, as it were, at a hook of a batch."""

    execution = "fused"

    def __init__(self, batches):
        self.left = batches

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise Killed


class KilledSide(Side):
    """Every fit is killed, and the script started again, once or twice."""

    def __init__(self, *args):
        super().__init__(*args)
        self.draw, self.fits, self.kills = random.Random(str(args[1:2])), 0, 0

    def trained(self, data, callbacks=list, **options):
        self.fits += 1
        directory = self.folder / f"runs-{self.fits}"
        often = self.draw.choice([1, 2, "epoch"])
        for batches in (self.draw.randint(0, 1), self.draw.randint(0, 5), 10**6):
            begun, (x, y) = self.model, data()
            self.model = copy.deepcopy(begun)  # what the script has again when it starts again
            try:
                history = begun.fit(
                    x,
                    y,
                    callbacks=[*callbacks(), Kill(batches)],
                    resume=Checkpoint(directory, save_freq=often),
                    **options,
                )
            except Killed:
                self.kills += 1
                continue
            self.model = begun
            return history.history
        raise AssertionError("the last life is not killed")


class LosingSide(Side):
    """Every fit is killed, and starts again from the killed one's weights and nothing else."""

    def trained(self, data, callbacks=list, **options):
        x, y = data()
        with pytest.raises(Killed):
            self.model.fit(x, y, callbacks=[*callbacks(), Kill(1)], **options)
        return super().trained(data, callbacks, **options)


class LookingSide(Side):
    """After every fit its batches are visited, and it is continued in another way."""

    def __init__(self, *args):
        super().__init__(*args)
        self.draw, self.looks = random.Random(str(args[1:2])), 0

    def trained(self, data, callbacks=list, **options):
        x, y = data()
        recorder = Recorder(every=f"{self.draw.randint(1, 5)} batches")
        history = self.model.fit(x, y, callbacks=[*callbacks(), recorder], **options)
        if y is not None:  # not a generator, which is used up
            for _ in range(2):
                moment = history.at(self.draw.choice(history.epoch), self.draw.randint(0, 1))
                assert moment.after.step == moment.before.step + 1
                self.looks += 1
            moment.branch().fit(x, y, **options | {"epochs": moment.epoch + 1})
        return history.history


def compared(kind_of_side, seed, folder):
    """Returns a side, and after which call it differs from Keras, if it does."""
    kind, served, calls = sequence(seed)
    print(f"seed {seed}: {kind}, {'Keras' if served else 'callbax'}, {calls}")
    folders = [folder / name for name in ("ours", "theirs")]
    for each in folders:
        each.mkdir()
    ours = kind_of_side(cb, kind, folders[0], served)
    return ours, first_difference(ours, Side(keras, kind, folders[1], served), calls)


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_are_not_to_be_seen(seed, tmp_path):
    ours, difference = compared(KilledSide, seed, tmp_path)
    assert difference is None
    assert ours.kills >= ours.fits > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_looks_back_are_not_to_be_seen(seed, tmp_path):
    ours, difference = compared(LookingSide, seed, tmp_path)
    assert difference is None
    assert ours.looks > 0


def test_a_run_that_loses_something_is_seen(tmp_path):
    _, difference = compared(LosingSide, 0, tmp_path)
    assert "fit" in difference
