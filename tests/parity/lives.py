"""What a side of a comparison may do in every fit: be killed and resumed, or look back."""

import copy
import random

import pytest

from callbax.callbacks import Callback, Checkpoint, Recorder


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


class KilledRuns:
    """Every fit is killed, and the script started again, once or twice."""

    def __init__(self, *args):
        super().__init__(*args)
        self.draw, self.fits, self.kills = random.Random(self.seed), 0, 0

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


class LosingRuns:
    """Every fit is killed, and starts again from the killed one's weights and nothing else."""

    def trained(self, data, callbacks=list, **options):
        x, y = data()
        with pytest.raises(Killed):
            self.model.fit(x, y, callbacks=[*callbacks(), Kill(1)], **options)
        return super().trained(data, callbacks, **options)


class LooksBack:
    """After every fit its batches are visited, and it is continued in another way."""

    def __init__(self, *args):
        super().__init__(*args)
        self.draw, self.looks = random.Random(self.seed), 0

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
