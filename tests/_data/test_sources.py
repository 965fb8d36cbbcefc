"""Sources of batches: what they yield, when it is read, and what they are told of epochs."""

from functools import partial

import keras
import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 3)).astype("float32")
Y = (X.sum(1, keepdims=True) + RNG.normal(size=(48, 1))).astype("float32")


def line(library=cb, units=1, **changes):
    layer = library.layers.Dense(units, kernel_initializer="ones")
    model = (
        library.Sequential([library.layers.InputLayer((3,)), layer])
        if library is keras
        else (cb.Sequential([cb.layers.Input((3,)), layer]))
    )
    model.compile(**({"optimizer": library.optimizers.SGD(0.01), "loss": "mse"} | changes))
    return model


class Refilling:
    """Fills the same arrays for every batch and yields them as `form` puts them together."""

    def __init__(self, form, *, fresh, sizes=(8,)):
        self.form, self.fresh, self.sizes = form, fresh, sizes

    def __iter__(self):
        rng = np.random.default_rng(1)
        memory = [np.empty(shape, "float32") for shape in ((8, 3), (8, 1), (8,))]
        for number in range(20):
            x, y, w = (array[: self.sizes[number % len(self.sizes)]] for array in memory)
            x[:] = rng.normal(size=x.shape)
            y[:] = x.sum(1, keepdims=True) + rng.normal(size=y.shape)
            w[:] = rng.uniform(size=w.shape)
            yield self.form(*((a.copy() for a in (x, y, w)) if self.fresh else (x, y, w)))


FORMS = {
    "x, y": lambda x, y, w: (x, y),
    "weighted": lambda x, y, w: (x, y, w),
    "a list": lambda x, y, w: [x, y],
    "views": lambda x, y, w: (x[:], y[:, 0]),
    "64 bits": lambda x, y, w: (x.astype("float64"), y),
}


def both(run, form, sizes=(8,)):
    return [run(partial(Refilling, form, fresh=fresh, sizes=sizes)) for fresh in (True, False)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sizes", [(8,), (8, 8, 5)], ids=["one size", "sizes that change"])
def test_arrays_that_a_source_fills_again_are_read_when_it_yields_them(form, sizes):
    def run(source):
        model = line()
        model.fit(source(), epochs=2, verbose=0)
        model.fit(iter(source()), steps_per_epoch=5, epochs=2, verbose=0)
        return [*model.get_weights(), model.evaluate(source(), verbose=0)]

    right, got = both(run, FORMS[form], sizes)
    for a, b in zip(right, got, strict=True):
        np.testing.assert_array_equal(a, b)


def test_so_are_those_for_validation_and_prediction():
    def run(source):
        history = line().fit(X, Y, validation_data=source(), verbose=0, shuffle=False).history
        return history["val_loss"], line().predict(source(), verbose=0)

    right, got = both(run, FORMS["x, y"])
    assert right[0] == got[0]
    np.testing.assert_array_equal(right[1], got[1])


def test_so_are_batches_with_class_weights_and_those_handed_back():
    """The first fit stops early, so that the second one reads what was drawn ahead."""

    def labelled(x, y, w):
        return x, (y > 0).astype("int32")

    def run(source):
        model = line(units=2, loss=cb.losses.SparseCategoricalCrossentropy(from_logits=True))
        rest = iter(source())
        weights = {"class_weight": {0: 3.0, 1: 0.5}}
        stop = cb.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: setattr(model, "stop_training", batch == 2)
        )
        model.fit(rest, callbacks=[stop], verbose=0, **weights)
        model.fit(rest, verbose=0)
        return model.get_weights()

    for a, b in zip(*both(run, labelled), strict=True):
        np.testing.assert_array_equal(a, b)


class Rows(keras.utils.PyDataset):
    """Four batches; writes down what is asked of it."""

    def __init__(self, name, events, batches=4, known=True):
        super().__init__()
        self.name, self.events, self.batches, self.known = name, events, batches, known
        self.order = np.arange(48)

    @property
    def num_batches(self):
        return self.batches if self.known else None

    def __getitem__(self, number):
        self.events.append(f"{self.name}{number}")
        rows = self.order[12 * (number % 4) :][:12]
        return X[rows], Y[rows]

    def on_epoch_begin(self):
        self.events.append(f"{self.name} begins")

    def on_epoch_end(self):
        self.events.append(f"{self.name} ends")
        self.order = self.order[::-1]


def stopping_at(library, number):
    class Stop(library.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == number

    return Stop()


RUNS = {
    "fit": lambda m, lib, d, v: m.fit(d, epochs=3, verbose=0, shuffle=False).history,
    "fewer steps": lambda m, lib, d, v: (
        m.fit(d, epochs=4, steps_per_epoch=2, verbose=0, shuffle=False).history
    ),
    "steps over the end": lambda m, lib, d, v: (
        m.fit(d, epochs=3, steps_per_epoch=3, verbose=0, shuffle=False).history
    ),
    "stopped": lambda m, lib, d, v: (
        m.fit(d, epochs=3, verbose=0, shuffle=False, callbacks=[stopping_at(lib, 3)]).history
    ),
    "validation": lambda m, lib, d, v: (
        m.fit(d, epochs=2, verbose=0, shuffle=False, validation_data=v).history
    ),
    "evaluate": lambda m, lib, d, v: {"loss": m.evaluate(d, verbose=0)},
    "predict": lambda m, lib, d, v: {"outputs": m.predict(d, verbose=0)},
}


@pytest.mark.filterwarnings("ignore:.*ran out of data")
@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize("run", RUNS)
def test_a_dataset_hears_of_epochs_as_in_keras(run):
    results, heard = [], []
    for library in (keras, cb):
        model = line(library)
        model.fit(X, Y, verbose=0, shuffle=False)  # Keras asks once more of data to build with
        events = []
        results.append(RUNS[run](model, library, Rows("t", events), Rows("v", events, 2)))
        heard.append(events)
    assert heard[1] == heard[0]
    for key, right in results[0].items():
        np.testing.assert_allclose(results[1][key], right, rtol=1e-4)


def test_an_endless_dataset_draws_nothing_of_the_next_epoch_before_its_end():
    events = []
    line().fit(Rows("t", events, known=False), steps_per_epoch=3, epochs=2, verbose=0)
    begin, end = "t begins", "t ends"
    assert events == [end, begin, "t0", "t1", "t2", end, begin, "t3", "t4", "t5", end]


@pytest.mark.parametrize("error", [TypeError, NotImplementedError, RuntimeError])
def test_a_source_that_does_not_know_its_length_is_taken(error):
    class Unknown:
        def __len__(self):
            raise error("infinite")

        def __iter__(self):
            return iter([(X, Y)] * 3)

    history = line().fit(Unknown(), epochs=2, verbose=0, validation_data=Unknown()).history
    assert len(history["val_loss"]) == 2
