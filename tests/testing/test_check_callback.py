"""Callbacks that stand all checks, and for each check one that does not."""

import io
import tempfile
from pathlib import Path
from typing import ClassVar

import pytest

import callbax as cb
from callbax.callbacks import Callback
from callbax.testing import check_callback


def simple():
    """Returns a model whose steps are traced in half the time of the usual one's.

    A callback's own mistakes show in it just as well; what needs averages gets the usual one.
    """
    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile(cb.optimizers.SGD(0.01, momentum=0.9), "mse")
    return model


class Forgets(Callback):
    """Lowers the rate by a count of its own, of which no backup knows."""

    def on_train_begin(self, logs=None):
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        self.model.optimizer.learning_rate = 0.01 / self.count


class Remembers(Forgets):
    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


class ForgetsHalf(Remembers):
    """Its state lacks one of two numbers, and nothing but that number shows it."""

    def on_train_begin(self, logs=None):
        super().on_train_begin()
        self.seen = 0

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch)
        self.seen += 1


class SharesBetweenFits(Remembers):
    """Never starts again."""

    def __init__(self):
        self.count = 0

    def on_train_begin(self, logs=None):
        pass


@pytest.fixture(scope="module", autouse=True)
def leaked_files():
    yield
    for file in Leaks.opened:
        file.close()


class SharesBetweenInstances(Callback):
    fits = []  # noqa: RUF012 - the mistake that is to be found

    def on_epoch_begin(self, epoch, logs=None):
        self.fits.append(epoch)
        self.model.optimizer.learning_rate = 0.01 / len(self.fits)


class Leaks(Callback):
    opened: ClassVar[list[io.FileIO]] = []
    """Closed after the tests of this file: no later one is to hear of them."""

    def on_train_begin(self, logs=None):
        self._file = io.FileIO(Path(tempfile.mkdtemp(), "log"), "w")
        self.opened.append(self._file)

    def on_train_end(self, logs=None):
        self._file.close()

    def __getstate__(self):
        return {}


class LeaksAlways(Leaks):
    def on_train_end(self, logs=None):
        pass


class CannotBePickled(Callback):
    def __init__(self):
        self.function = lambda: None

    def on_epoch_end(self, epoch, logs=None):
        self.function()


class CrashesInTeardown(Callback):
    def on_epoch_end(self, epoch, logs=None):
        pass

    def teardown(self):
        raise KeyError("file")


class CrashesInTeardownOfFailedRuns(Callback):
    ended = False

    def on_train_begin(self, logs=None):
        self.ended = False

    def on_train_end(self, logs=None):
        self.ended = True

    def teardown(self):
        if not self.ended:
            raise KeyError("file")


class CrashesInAHook(Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise ZeroDivisionError("mine")


class KeepsAnObject(Remembers):
    def state_dict(self):
        return {"count": self.count, "where": Path()}


BROKEN = {
    Forgets: "interrupted at epoch 0, batch 1",
    ForgetsHalf: r"interrupted at epoch 0, batch 1(.|\n)*callback\['seen'\]",
    SharesBetweenFits: "a second fit",
    SharesBetweenInstances: "fits with two new callbacks",
    Leaks: r"after an exception in on_train_begin(.|\n)*expected no file left open",
    LeaksAlways: r"after a fit(.|\n)*expected no file left open",
    CannotBePickled: "a pickle before a fit",
    CrashesInTeardown: r"after a fit(.|\n)*KeyError\('file'\)",
    CrashesInTeardownOfFailedRuns: r"after an exception in on_train_begin(.|\n)*KeyError",
    CrashesInAHook: r"a fit that comes to its end(.|\n)*ZeroDivisionError: mine",
    KeepsAnObject: r"state_dict\(\)(.|\n)*an object of type",
}


@pytest.mark.every(2)
@pytest.mark.filterwarnings("ignore")  # leaks and crashes are warned about too
@pytest.mark.parametrize("broken", BROKEN, ids=lambda kind: kind.__name__)
def test_what_is_broken_is_found(broken):
    with pytest.raises(AssertionError, match=BROKEN[broken]) as error:
        check_callback(broken, make_model=simple)
    first, action = str(error.value).splitlines()[0], str(error.value).splitlines()[-1]
    assert first.startswith(f"`check_callback({broken.__name__}")
    assert action.endswith(".")


def rate(epoch, rate):
    return rate * 0.9


SOUND = {
    "EarlyStopping": lambda: cb.callbacks.EarlyStopping(patience=1, restore_best_weights=True),
    "ReduceLROnPlateau": lambda: cb.callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0),
    "LearningRateScheduler": lambda: cb.callbacks.LearningRateScheduler(rate),
    "SwapEMAWeights": cb.callbacks.SwapEMAWeights,
    "TerminateOnNaN": cb.callbacks.TerminateOnNaN,
    "CSVLogger": lambda: cb.callbacks.CSVLogger(Path(tempfile.mkdtemp(), "log.csv")),
    "TensorBoard": lambda: cb.callbacks.TensorBoard(tempfile.mkdtemp(), write_graph=False),
    "ModelCheckpoint": lambda: cb.callbacks.ModelCheckpoint(
        Path(tempfile.mkdtemp(), "best.weights.h5"), save_best_only=True, save_weights_only=True
    ),
    "Remembers": Remembers,
}
USUAL = ("SwapEMAWeights", "Remembers")
"""Those that are tried in the usual model."""


@pytest.mark.every(2)
@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_reported(name):
    ignored = ("_earlier", "files", "token")  # names of files
    usual = {} if name in USUAL else {"make_model": simple}
    report = check_callback(SOUND[name], ignored=ignored, **usual)
    assert report.callback == name
    assert report.interruptions == 4
    assert report.exceptions == 10
    assert not report.single_steps
    assert repr(report).startswith(f"CallbackReport(callback='{name}', hooks=('on_")


def test_a_callback_may_be_given_and_stays_as_it_is():
    given = Remembers()
    assert check_callback(given, make_model=simple).has_state
    assert vars(given) == {}


class Times(Callback):
    def on_train_batch_begin(self, batch, logs=None):
        pass

    def on_train_batch_end(self, batch, logs=None):
        pass


def test_what_needs_single_steps_is_reported():
    assert check_callback(Times, make_model=simple).single_steps
