"""What the timeline does with executions, data and hooks that interfere."""

import numpy as np
import pytest

import callbax as cb
from callbax._training import _compile

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = RNG.normal(size=(40, 1)).astype("float32")


class Recorder(cb.callbacks.Callback):
    """Calls a function at batch ends, and writes down which batches it saw."""

    def __init__(self, at=None):
        self.at = at or {}
        self.events = []

    def on_train_batch_end(self, batch, logs=None):
        self.events.append(batch)
        if batch in self.at:
            self.at[batch](self.model)


def make(steps_per_execution="auto"):
    model = cb.Sequential([cb.layers.Dense(1, input_shape=(3,))], seed=3)
    model.compile(
        cb.optimizers.SGD(0.05, momentum=0.9), "mse", steps_per_execution=steps_per_execution
    )
    return model


@pytest.fixture
def dispatches(monkeypatch):
    """The steps of each execution, as they are dispatched, hooks' events between them."""
    events = []
    run = _compile.Programs.run

    def record(self, state, batches, first, count, **options):
        events.append(count)
        return run(self, state, batches, first, count, **options)

    monkeypatch.setattr(_compile.Programs, "run", record)
    return events


def fit(model, callback, **arguments):
    given = {"x": X, "y": Y, "batch_size": 4, "shuffle": False, "verbose": 0}
    return model.fit(**(given | arguments), callbacks=[callback])


def test_an_integer_is_honoured_exactly(dispatches):
    fit(make(3), Recorder())
    assert dispatches == [3, 3, 3, 1]


def test_the_next_execution_is_dispatched_before_the_hooks_of_the_current_one(dispatches):
    model = make(2)
    fit(model, Recorder())
    dispatches.clear()
    callback = Recorder()
    callback.events = dispatches  # one list for dispatches (all of 2 steps) and batches
    callback.on_train_batch_end = lambda batch, logs: dispatches.append(f"hook {batch}")
    fit(model, callback)
    assert dispatches[:5] == [2, 2, "hook 0", "hook 1", 2]


def test_a_stop_before_the_first_batch_trains_that_batch_also_without_batch_hooks():
    class Stops(cb.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = make(4)
    fit(model, Stops(), epochs=3)
    assert model.optimizer.iterations == 10 + 1


def test_reading_replays_and_setting_discards(dispatches):
    def halve(model):
        model.set_weights([weight / 2 for weight in model.get_weights()])

    model = make(5)
    fit(model, Recorder())
    dispatches.clear()
    fit(model, Recorder({2: lambda model: model.get_weights(), 6: halve}))
    # Both executions of 5 steps; 3 replayed for the read; 2 for the write, and the rest again.
    assert dispatches == [5, 5, 3, 2, 3]


def test_reading_the_learning_rate_replays_nothing(dispatches):
    rates = []
    fit(make(5), Recorder({2: lambda model: rates.append(float(model.optimizer.learning_rate))}))
    assert dispatches == [5, 5]
    assert rates == [pytest.approx(0.05)]


def test_a_callback_that_brackets_batches_runs_one_step_at_a_time(dispatches):
    class Brackets(cb.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            dispatches.append("begin")

        def on_train_batch_end(self, batch, logs=None):
            dispatches.append("end")

    fit(make(), Brackets())
    assert dispatches == ["begin", 1, "end"] * 10

    dispatches.clear()
    fit(make(5), Brackets())
    assert dispatches.count(5) == 2, "an integer is honoured, whatever callbacks want"

    Brackets.execution = "fused"
    dispatches.clear()
    model = make()
    fit(model, Brackets(), epochs=9)
    assert any(count > 1 for count in dispatches if isinstance(count, int))


@pytest.mark.usefixtures("unshared")
def test_no_program_is_traced_twice_whatever_hooks_do():
    model = make()

    def everything(model):
        model.get_weights()
        model.optimizer.learning_rate = 0.01
        model.set_weights(model.get_weights())

    for callback in (Recorder(), Recorder(dict.fromkeys(range(10), everything))):
        for _ in range(3):
            fit(model, callback, epochs=2)
    assert model._engine.traces() == {"train": 2}, "a loop and a single step"


@pytest.mark.usefixtures("unshared")
@pytest.mark.parametrize(
    ("steps_per_epoch", "traces"), [(None, 2), (9, 1)], ids=["whole pass", "full batches only"]
)
def test_the_program_of_a_smaller_last_batch_is_ready_before_it(steps_per_epoch, traces):
    seen, model = [], make()
    recorder = Recorder({0: lambda model: seen.append(model._engine.traces()["train"])})
    fit(model, recorder, x=X[:39], y=Y[:39], steps_per_epoch=steps_per_epoch)
    assert seen == [traces]
    assert model._engine.traces()["train"] == traces, "nothing was traced later"


@pytest.mark.parametrize("steps_per_execution", [1, 3, "auto"])
def test_a_failing_source_fails_after_the_hooks_of_the_batches_before(steps_per_execution):
    def source():
        for first in range(0, 24, 4):
            yield X[first : first + 4], Y[first : first + 4]
        raise OSError("disk gone")

    model, callback = make(steps_per_execution), Recorder()
    with pytest.raises(OSError, match="disk gone") as caught:
        fit(model, callback, x=source(), y=None, batch_size=None)
    assert callback.events == [0, 1, 2, 3, 4, 5]
    assert model.optimizer.iterations == 6
    assert "at batch 6" in caught.value.__notes__[0]


def test_batches_drawn_ahead_are_the_first_of_the_next_epoch():
    drawn = []

    def source():
        for number in range(1000):
            drawn.append(number)
            yield np.full((4, 3), number, "float32"), np.zeros((4, 1), "float32")

    def stop(model):
        model.stop_training = True

    seen = []

    class Inputs(cb.losses.Loss):
        def call(self, y_true, y_pred):
            return y_pred[:, 0] * 0 + y_pred[:, 0]

    model = make(8)
    model.compile(cb.optimizers.SGD(0.0), Inputs(), steps_per_execution=8)
    model.set_weights([np.array([[1.0], [0.0], [0.0]], "float32"), np.zeros(1, "float32")])

    class Losses(Recorder):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            seen.append(self.model.batch_loss)

    generator = source()
    fit(model, Losses({4: stop}), x=generator, y=None, batch_size=None)
    assert len(drawn) > 5, "nothing was drawn ahead; the test shows nothing"
    fit(model, Losses({2: stop}), x=generator, y=None, batch_size=None)
    assert seen == [0, 1, 2, 3, 4, 5, 6, 7]


def test_no_more_batches_are_drawn_than_asked_for():
    drawn = []

    def source():
        for number in range(1000):
            drawn.append(number)
            yield X[:4], Y[:4]

    fit(make(), Recorder(), x=source(), y=None, batch_size=None, steps_per_epoch=5, epochs=3)
    assert len(drawn) == 15


def test_a_hook_that_changes_shapes_is_told_so_and_changes_nothing():
    def reshape(model):
        kernel = model.module.layers[0].linear.kernel
        kernel.set_value(np.zeros((4, 1), "float32"))

    model = make(4)
    with pytest.raises(ValueError, match=r"shape \(3, 1\)") as caught:
        fit(model, Recorder({5: reshape}))
    assert "Recorder" in "".join(caught.value.__notes__)
    assert model.get_weights()[0].shape == (3, 1)
    assert model.optimizer.iterations == 6
    fit(model, Recorder())


def test_a_compile_inside_a_hook_is_refused():
    model = make()
    with pytest.raises(RuntimeError, match="no run under way"):
        fit(model, Recorder({1: lambda model: model.compile("sgd", "mse")}))
