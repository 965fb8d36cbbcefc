"""Validation every so many batches: when it runs, and who sees it."""

import keras
import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(36, 4)).astype("float32")
Y = RNG.normal(size=(36, 1)).astype("float32")
TRAIN, HELD_OUT = (X[:20], Y[:20]), (X[20:], Y[20:])
BATCH = 4  # Five batches in an epoch of training, four in a validation.
WEIGHTS = [RNG.normal(size=(4, 1)).astype("float32"), np.zeros(1, "float32")]


def model(lib=cb, **compile_arguments):
    made = lib.Sequential([lib.layers.Input((4,)), lib.layers.Dense(1)])
    made.compile(
        lib.optimizers.SGD(0.05, momentum=0.9), "mse", metrics=["mae"], **compile_arguments
    )
    made.set_weights(WEIGHTS)
    return made


def fit(made, callbacks=(), **arguments):
    given = {"batch_size": BATCH, "epochs": 3, "shuffle": False, "verbose": 0}
    given |= {"validation_data": HELD_OUT, "validation_freq": "4 batches"}
    return made.fit(*TRAIN, callbacks=callbacks, **given | arguments)


class Trace(cb.callbacks.Callback):
    """Writes down the hooks of training as "b0" (batch), "t" (test), "v1" (validation), "e"."""

    execution = "fused"

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(f"b{batch}")

    def on_test_end(self, logs=None):
        self.seen.append("t")

    def on_validation_end(self, batch, logs=None):
        self.seen.append(f"v{batch}")

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append("e" + "".join(f" {key}" for key in logs if key.startswith("val_")))


@pytest.mark.parametrize(
    ("arguments", "hooks"),
    [
        (
            {"validation_freq": "4 batches"},
            "b0 b1 b2 b3 t v3 b4 e val_loss val_mae "
            "b0 b1 b2 t v2 b3 b4 e val_loss val_mae "
            "b0 b1 t v1 b2 b3 b4 e val_loss val_mae",
        ),
        (
            {"validation_freq": "3 batches", "steps_per_epoch": 2, "epochs": 2},
            "b0 b1 e b0 t v0 b1 e val_loss val_mae",
        ),
        (
            {"validation_freq": "7 batches", "epochs": 2},
            "b0 b1 b2 b3 b4 e b0 b1 t v1 b2 b3 b4 e val_loss val_mae",
        ),
        ({"validation_freq": "99 batches", "epochs": 1}, "b0 b1 b2 b3 b4 e"),
        ({"validation_data": None, "epochs": 1}, "b0 b1 b2 b3 b4 e"),
        ({"validation_freq": "1 epoch", "epochs": 1}, "b0 b1 b2 b3 b4 t e val_loss val_mae"),
        (
            {"validation_freq": "2 epochs", "epochs": 2},
            "b0 b1 b2 b3 b4 e b0 b1 b2 b3 b4 t e val_loss val_mae",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("steps_per_execution", ["auto", 3])
def test_when_it_validates(arguments, hooks, steps_per_execution):
    trace = Trace()
    fit(model(steps_per_execution=steps_per_execution), trace, **arguments)
    assert " ".join(trace.seen) == hooks


def evaluating(lib, freq):
    """A callback of either library that evaluates by hand after every so many batches."""

    class Evaluates(lib.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.results, self.done = [], 0

        def on_train_batch_end(self, batch, logs=None):
            self.done += 1
            if self.done % freq == 0:
                self.results.append(
                    self.model.evaluate(*HELD_OUT, batch_size=BATCH, verbose=0, return_dict=True)
                )

    return Evaluates()


@pytest.mark.parametrize("steps_per_execution", ["auto", 3])
def test_the_numbers_are_those_of_an_evaluation_at_that_batch(steps_per_execution):
    history = fit(model(steps_per_execution=steps_per_execution))
    by_hand = {}
    for lib in (cb, keras):
        by_hand[lib] = evaluating(lib, 4)
        plain = fit(model(lib), [by_hand[lib]], validation_data=None, validation_freq=1)
        if lib is cb:
            assert plain.history["loss"] == history.history["loss"], "training was disturbed"
    assert history.validations == [(0, 3), (1, 2), (2, 1)]
    for key in ("loss", "mae"):
        received = history.history[f"val_{key}"]
        assert received == [result[key] for result in by_hand[cb].results]
        expected = [result[key] for result in by_hand[keras].results]
        np.testing.assert_allclose(received, expected, rtol=1e-5, err_msg=f"val_{key}")


@pytest.mark.usefixtures("unshared")
def test_it_compiles_no_program_more():
    made = model()
    fit(made, validation_freq="2 batches", epochs=4)
    assert made._engine.traces()["test"] == 1


class Logs(cb.callbacks.Callback):
    """Collects the logs of one hook, adds to them, and copies the weights."""

    execution = "fused"

    def __init__(self, hook, **added):
        self.added, self.seen, self.weights = added, [], []
        setattr(self, hook, self.collect)

    def collect(self, number, logs=None):
        self.seen.append((number, dict(logs)))
        self.weights.append(self.model.get_weights())
        logs.update(self.added)


def test_logs_of_the_hook_and_of_the_epoch(tmp_path):
    batches, adds = Logs("on_train_batch_end"), Logs("on_validation_end", val_f1=0.5)
    rows = cb.callbacks.CSVLogger(tmp_path / "log.csv")
    ends = Logs("on_epoch_end")
    history = fit(model(), [batches, adds, ends, rows], validation_freq="7 batches", epochs=2)
    ((batch, logs),) = adds.seen
    assert list(logs) == ["loss", "mae", "val_loss", "val_mae"]
    assert (batch, {"loss": logs["loss"], "mae": logs["mae"]}) == batches.seen[6]
    (_, first), (_, second) = ends.seen
    assert list(first) == ["loss", "mae"]
    assert list(second) == ["loss", "mae", "val_f1", "val_loss", "val_mae"]
    assert second["val_loss"] == logs["val_loss"]
    header, *written = [row.split(",") for row in (tmp_path / "log.csv").read_text().split()]
    assert header == ["epoch", *second]
    assert written[0][3:] == ["NA"] * 3
    assert written[1][3:5] == ["0.5", str(logs["val_loss"])]
    assert history.history["val_f1"] == [0.5]
    assert len(history.history["loss"]) == 2


def test_early_stopping_goes_by_validations(capsys):
    stopping = cb.callbacks.EarlyStopping(
        patience=2, min_delta=100.0, restore_best_weights=True, verbose=1
    )
    seen, trace = Logs("on_validation_end"), Trace()
    made = model()
    history = fit(made, [seen, stopping, trace], validation_freq="2 batches", epochs=9)
    # The first is the best, as nothing improves by so much; the third is one too many.
    assert (
        " ".join(trace.seen)
        == "b0 b1 t v1 b2 b3 t v3 b4 e val_loss val_mae b0 t v0 e val_loss val_mae"
    )
    assert history.stop_reason == "EarlyStopping at epoch 2, batch 1"
    assert (stopping.best_epoch, stopping.best_batch) == (0, 1)
    assert (stopping.stopped_epoch, stopping.stopped_batch) == (1, 0)
    for restored, then in zip(made.get_weights(), seen.weights[0], strict=True):
        np.testing.assert_array_equal(restored, then)
    assert "Epoch 2, batch 1: early stopping" in capsys.readouterr().out


def test_checkpoints_hold_the_weights_of_the_validation(tmp_path):
    seen = Logs("on_validation_end")
    path = tmp_path / "{epoch}-{batch}-{val_loss:.6f}.weights.h5"
    saving = cb.callbacks.ModelCheckpoint(path, save_weights_only=True, save_best_only=True)
    fit(model(), [saving, seen])
    best, saved = np.inf, {}
    for (batch, logs), weights, epoch in zip(seen.seen, seen.weights, (1, 2, 3), strict=True):
        if logs["val_loss"] < best:
            best = logs["val_loss"]
            saved[f"{epoch}-{batch + 1}-{best:.6f}.weights.h5"] = weights
    assert {file.name for file in tmp_path.iterdir()} == set(saved)
    for name, weights in saved.items():
        loaded = model()
        loaded.load_weights(tmp_path / name)
        for received, expected in zip(loaded.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(received, expected)


def test_the_rate_falls_within_the_epoch():
    class Rates(cb.callbacks.Callback):
        execution = "fused"

        def on_train_batch_begin(self, batch, logs=None):
            rates.append(round(self.model.optimizer.learning_rate, 6))

    rates, made = [], model()
    plateau = cb.callbacks.ReduceLROnPlateau(patience=1, factor=0.1, min_delta=100.0)
    history = fit(made, [plateau, Rates()], validation_freq="2 batches", epochs=2)
    # Validations after 2, 4, 6, 8 and 10 batches: the first is the best, each other reduces.
    assert rates == [0.05] * 4 + [0.005] * 2 + [0.0005] * 2 + [0.00005] * 2
    np.testing.assert_allclose(history.history["learning_rate"], [0.005, 0.000005], rtol=1e-5)


@pytest.mark.parametrize("freq", ["4 batches", "7 batches"])
def test_all_who_monitor_stay_silent_where_an_epoch_has_no_validation(freq, tmp_path):
    # Warnings are errors here.
    watchers = [
        cb.callbacks.EarlyStopping(patience=9),
        cb.callbacks.ReduceLROnPlateau(),
        cb.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
    ]
    fit(model(), watchers, validation_freq=freq)
    assert [watcher.best is not None for watcher in watchers] == [True] * 3


def test_whoever_has_the_hook_is_called():
    class Duck:
        def on_validation_end(self, batch, logs=None):
            seen.append(batch)

    seen = []
    by_function = cb.callbacks.LambdaCallback(
        on_validation_end=lambda batch, logs: seen.append(sorted(logs))
    )
    fit(model(), [Duck(), by_function], epochs=1)
    assert seen == [3, ["loss", "mae", "val_loss", "val_mae"]]


def test_a_callback_list_of_the_users_is_left_as_it_was():
    trace, made = Trace(), model()
    hooks = cb.callbacks.CallbackList(trace, add_history=True, model=made, epochs=3)
    before = hooks.callbacks
    fit(made, hooks)
    assert trace.seen.count("t") == 3
    assert hooks.callbacks == before
    assert fit(made, hooks, epochs=1, validation_freq=1).validations == []
    assert trace.seen == ["b0", "b1", "b2", "b3", "b4", "t", "e val_loss val_mae"]


def test_validation_data_from_a_generator_serve_any_number_of_validations():
    def endless():
        while True:
            for first in range(0, 16, BATCH):
                yield tuple(part[first : first + BATCH] for part in HELD_OUT)

    arguments = {"validation_freq": "2 batches", "epochs": 2}
    expected = fit(model(), **arguments).history
    received = fit(model(), validation_data=endless(), validation_steps=4, **arguments).history
    assert received == expected
    assert len(received["val_loss"]) == 5


def test_an_exception_at_a_validation_leaves_the_batch_that_was_validated():
    class Fails(cb.callbacks.Callback):
        def on_validation_end(self, batch, logs=None):
            raise RuntimeError("at a validation")

    made = model()
    with pytest.raises(RuntimeError, match="at a validation") as caught:
        fit(made, Fails())
    assert made.optimizer.iterations == 4
    (note,) = caught.value.__notes__
    assert note == "Raised in the callback hook `Fails.on_validation_end` (epoch=0, batch=3)."


def test_a_mistyped_monitor_is_found_before_the_first_step():
    made = model()
    with pytest.raises(ValueError, match='Closest: "val_loss"'):
        fit(made, cb.callbacks.EarlyStopping("val_los"))
    assert made.optimizer.iterations == 0


NONSENSE = [
    True, None, 0, -1, 2.0, "", "4", "batch", "4batches", "0 batches", "-4 batches", "1.5 batches",
    "0 epochs", "10 minutes", "1 hour", "4 steps",
]  # fmt: skip


@pytest.mark.parametrize("freq", NONSENSE, ids=repr)
def test_nonsense_is_refused_before_anything(freq):
    made, begun = model(), []
    begins = cb.callbacks.LambdaCallback(on_train_begin=begun.append)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words follow)
        fit(made, begins, validation_freq=freq)
    for words in (
        f"`fit(validation_freq={freq!r})`: expected a positive integer, the numbers of the epochs",
        'or a number of batches or epochs as in "500 batches", received ',
        "Pass 1 to validate every epoch. Times are not taken: no run could be repeated.",
    ):
        assert words in str(caught.value)
    assert begun == []
