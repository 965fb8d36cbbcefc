"""``history.plot()`` and ``history.plot_costs()``: what is in the pictures."""

import subprocess
import sys
import time

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

import callbax as cb
from callbax.callbacks import Callback, EarlyStopping, History, ReduceLROnPlateau

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    pyplot.close("all")


def model(optimizer="adam"):
    made = cb.Sequential([cb.layers.Dense(4, "relu"), cb.layers.Dense(1)], seed=0)
    made.compile(optimizer, "mse", metrics=["mae"])
    return made


def data(rows=64):
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def lines(axes):
    """Returns label -> (x, y) of the lines of some axes."""
    return {line.get_label(): line.get_data() for line in axes.get_lines()}


def test_training_and_validation_are_curves_over_epochs_counted_from_1():
    history = model().fit(*data(), epochs=4, verbose=0, validation_split=0.25)
    figure = history.plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "mae"]
    drawn = lines(figure.axes[0])
    assert list(drawn) == ["training", "validation"]
    for label, key in (("training", "loss"), ("validation", "val_loss")):
        assert list(drawn[label][0]) == [1, 2, 3, 4]
        assert list(drawn[label][1]) == history.history[key]
    assert figure.axes[-1].get_xlabel() == "epoch"
    assert figure.axes[0].get_legend() is not None


def test_a_validation_every_other_epoch_is_drawn_where_it_was():
    history = model().fit(*data(), epochs=6, verbose=0, validation_data=data(), validation_freq=2)
    assert list(lines(history.plot("loss").axes[0])["validation"][0]) == [2, 4, 6]


def test_a_validation_within_an_epoch_is_drawn_within_it():
    history = model().fit(
        *data(), epochs=2, verbose=0, validation_data=data(), validation_freq="1 batches"
    )
    assert list(lines(history.plot("loss").axes[0])["validation"][0]) == [0.5, 1.0, 1.5, 2.0]


def test_a_second_fit_lies_behind_the_first_and_one_that_continues_does_too():
    history, net = History(), model()
    net.fit(*data(), epochs=2, verbose=0, callbacks=history)
    net.fit(*data(), epochs=2, verbose=0, callbacks=history)
    assert list(lines(history.plot("loss").axes[0])["training"][0]) == [1, 2, 3, 4]
    net.fit(*data(), epochs=6, initial_epoch=4, verbose=0, callbacks=history)
    assert list(lines(history.plot("loss").axes[0])["training"][0]) == [1, 2, 3, 4, 7, 8]


def test_events_are_marked():
    history = model(cb.optimizers.Adam(0.1)).fit(
        *data(),
        epochs=50,
        verbose=0,
        callbacks=[
            EarlyStopping("loss", mode="max", patience=3),
            ReduceLROnPlateau("loss", mode="max", patience=1, factor=0.5),
        ],
    )
    kinds = [event.kind for event in history.events]
    assert kinds == ["best", *["learning_rate"] * 3, "stop"]
    assert [event.epoch for event in history.events] == [0, 1, 2, 3, 3]
    assert history.events[-1].by == "EarlyStopping"
    assert history.stop_reason == "EarlyStopping at epoch 4"
    figure = history.plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "mae", "learning rate"]
    drawn = lines(figure.axes[0])
    best = history.events[0].value
    assert history.history["loss"][0] == best
    assert [list(map(float, xy)) for xy in drawn[f"best: {best:.4g}, epoch 1"]] == [[1], [best]]
    assert list(drawn["stopped by EarlyStopping"][0]) == [4, 4]
    dotted = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in dotted] == [2, 3, 4]
    rates = lines(figure.axes[2])["learning rate"][1]
    assert list(rates) == history.learning_rates
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.05, 0.025])


def test_a_schedule_is_drawn_though_no_callback_logs_it():
    schedule = cb.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    history = model(cb.optimizers.SGD(schedule)).fit(*data(), epochs=3, verbose=0)
    assert "learning_rate" not in history.history
    np.testing.assert_allclose(history.learning_rates, [0.05, 0.025, 0.0125], rtol=1e-6)
    assert history.plot().axes[-1].get_ylabel() == "learning rate"


def test_a_callback_of_ones_own_can_tell_what_it_did():
    class Unfreezes(Callback):
        def run_events(self):
            best = EarlyStopping("loss")
            best.best, best.best_epoch = 0.5, 1
            return best.run_events()

    history = model().fit(*data(), epochs=3, verbose=0, callbacks=[Unfreezes()])
    assert [(e.kind, e.epoch, e.value) for e in history.events] == [("best", 1, 0.5)]


def test_events_are_those_of_the_run_and_not_of_the_next_one():
    stop, net = EarlyStopping("loss", mode="max", patience=1), model()
    first = net.fit(*data(), epochs=5, verbose=0, callbacks=stop)
    seen = first.events
    second = net.fit(*data(), epochs=1, verbose=0, callbacks=stop)
    assert first.events == seen
    assert [event.kind for event in second.events] == ["best"]


def test_a_resumed_run_has_the_picture_of_the_whole_one(tmp_path):
    def callbacks():
        return [
            EarlyStopping("loss", mode="max", patience=4),
            ReduceLROnPlateau("loss", mode="max", patience=1, factor=0.5),
        ]

    class Interrupts(Callback):
        execution = "fused"

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    whole = model().fit(*data(), epochs=9, verbose=0, callbacks=callbacks())
    with pytest.raises(KeyboardInterrupt):
        model().fit(
            *data(), epochs=9, verbose=0, resume=tmp_path, callbacks=[*callbacks(), Interrupts()]
        )
    resumed = model().fit(*data(), epochs=9, verbose=0, resume=tmp_path, callbacks=callbacks())
    assert resumed.history == whole.history
    assert resumed.events == whole.events
    assert resumed.learning_rates == whole.learning_rates
    ours, theirs = resumed.plot(), whole.plot()
    for left, right in zip(ours.axes, theirs.axes, strict=True):
        for one, other in zip(left.get_lines(), right.get_lines(), strict=True):
            np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


def test_it_is_drawn_into_axes_that_are_given():
    history = model().fit(*data(), epochs=2, verbose=0)
    figure, axes = pyplot.subplots(1, 2)
    assert history.plot(ax=axes) is figure
    assert [panel.get_ylabel() for panel in axes] == ["loss", "mae"]
    figure, one = pyplot.subplots()
    assert history.plot(ax=one) is figure
    assert one.get_ylabel() == "loss"
    with pytest.raises(ValueError, match="expected one of axes for each of loss, mae, received 1"):
        history.plot(["loss", "mae"], ax=one)


def test_unknown_keys_and_an_empty_history_are_errors():
    history = model().fit(*data(), epochs=1, verbose=0)
    with pytest.raises(ValueError, match='Closest: "loss"'):
        history.plot("los")
    with pytest.raises(ValueError, match="a run of at least one epoch"):
        History().plot()


def test_costs_are_bars_of_hooks_the_most_expensive_one_on_top():
    class Cheap(Callback):
        execution = "fused"

        def on_epoch_end(self, epoch, logs=None):
            pass

    class Slow(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.get_weights()
            time.sleep(0.05)  # longer than any other hook, also on a machine that is busy

    history = model().fit(*data(), epochs=2, verbose=0, callbacks=[Slow(), Cheap()])
    axes = history.plot_costs().axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[-1] == "Slow"
    assert set(names) == set(history.callback_costs)
    for name, place in zip(names, range(len(names)), strict=True):
        widths = [bar.get_width() for bars in axes.containers for bar in [bars[place]]]
        assert sum(widths) == pytest.approx(history.callback_costs[name].seconds)
    assert "on_train_batch_end" in axes.get_legend_handles_labels()[1]
    figure, given = pyplot.subplots()
    assert history.plot_costs(ax=given) is figure


WITHOUT = """
import sys
sys.modules["matplotlib"] = None
from callbax.callbacks import History
history = History()
history.on_epoch_end(0, {"loss": 0.5})
try:
    history.plot()
except ImportError as error:
    print(error)
"""


def test_without_matplotlib_it_is_named_and_nothing_else_needs_it():
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert run.stdout == (
        "`history.plot()`: expected the `matplotlib` library, which draws the picture, received an "
        'environment without it.\nInstall it: pip install "callbax[plot]".\n'
    ), run.stderr


def test_importing_callbax_does_not_import_matplotlib():
    code = "import sys, callbax; print('matplotlib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
