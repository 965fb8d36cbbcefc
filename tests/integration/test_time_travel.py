"""Any batch of a recorded run can be visited again, bit for bit, and continued from."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from flax import nnx
from tests.integration.moments import FIT, Interrupt, Meddle, Observe, X, Y, arrays, model, trained

import callbax as cb
from callbax._stores import _fits
from callbax.callbacks import Callback, Checkpoint, Recorder, ReduceLROnPlateau, TerminateOnNaN


@pytest.mark.parametrize("on_disk", [False, True])
def test_random_moments_are_what_observers_saw(on_disk, tmp_path):
    after, before = Observe("on_train_batch_end"), Observe("on_train_batch_begin")
    recorder = Recorder(tmp_path if on_disk else None, every="3 batches")
    plateau = ReduceLROnPlateau("loss", patience=1, factor=0.5, min_delta=9)
    net, history = trained(after, Meddle(), plateau, before, recorder)
    left = arrays(net._engine.read())
    assert len(after.seen) == len(before.seen) == 40
    for number in np.random.default_rng(1).permutation(40)[:20]:
        at = divmod(int(number), 8)
        moment = history.at(*at)
        assert arrays(moment.before) == before.seen[at]
        assert arrays(moment.after) == after.seen[at]
        x, y, _ = moment.inputs
        assert np.array_equal(x, X[moment.rows])
        assert np.array_equal(y, Y[moment.rows])
    assert arrays(net._engine.read()) == left, "the model is what it was"


def test_a_journal_that_lost_an_entry_is_noticed():
    recorder = Recorder(every="7 batches")
    _, history = trained(Meddle(), recorder)
    kept = recorder.tape._in_memory
    for number, run in kept.items():
        object.__setattr__(run, "journal", ())
        kept[number] = run
    with pytest.raises(RuntimeError, match="as it was recorded"):
        history.at(2, 4)


@pytest.mark.one_device("gradients by hand are those of one device, which rounds otherwise")
def test_an_update_with_the_gradients_of_a_moment_is_the_run_s():
    net, history = trained(Recorder())
    moment = history.at(3, 4)
    optimizer, before = net._engine.recipe.optimizer, moment.before

    @jax.jit
    def update(gradients, state):
        return optimizer.update(
            gradients,
            state.optimizer,
            state.params,
            learning_rate=state.learning_rate,
            step=state.step,
        )[0]

    params = update(moment.gradients(), before)
    for path, value in moment.after.params.items():
        np.testing.assert_allclose(params[path], value, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(moment.losses.mean(), moment.loss, rtol=1e-6)
    assert moment.outputs.shape == (8, 1)


def test_first_finds_the_first_batch_that_fulfils_a_condition():
    _, history = trained(Recorder())
    moment = history.first(lambda logs: logs["batch_loss"] < 0.5)
    losses = {(e, b): history.at(e, b).loss for e in range(5) for b in range(8)}
    assert (moment.epoch, moment.batch) == min(at for at, loss in losses.items() if loss < 0.5)
    assert history.first(lambda logs: logs["batch_loss"] > 1e9) is None


def test_a_branch_ends_where_the_run_ended_and_with_another_rate_elsewhere():
    net, history = trained(Meddle(), Recorder())
    left = arrays(net._engine.read())
    same, other = history.at(2, 5).branch(), history.at(2, 5).branch(learning_rate=0.5)
    fit = {name: value for name, value in FIT.items() if name not in "xy"}
    continued = same.fit(X, Y, callbacks=Meddle(), **fit)
    other.fit(X, Y, callbacks=Meddle(), **fit)
    assert continued.epoch == [2, 3, 4]
    assert continued.history["loss"] == history.history["loss"][2:]
    assert arrays(same.model._engine.read()) == left
    assert arrays(other.model._engine.read()) != left
    assert arrays(net._engine.read()) == left, "the run itself is untouched"


@pytest.mark.one_device("that process has one, and rounds otherwise")
def test_a_run_is_visited_from_another_process(tmp_path):
    _, history = trained(Meddle(), Recorder(tmp_path, every="3 batches"))
    script = f"""
import sys; sys.path.insert(0, {sys.path[0]!r})
from tests.integration.moments import X, Y, arrays, model
moment = model().past({str(tmp_path)!r}, X, Y, batch_size=8).at(3, 6)
print(hash(tuple(arrays(moment.after))), moment.loss)
"""
    environment = {"PYTHONHASHSEED": "0", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=os.getcwd(),
    )
    assert done.stdout.split()[1] == repr(history.at(3, 6).loss)


@pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")
def test_the_record_of_a_run_that_was_resumed_is_that_of_the_whole_run(tmp_path):
    _fits._ended.clear()
    record, resume = tmp_path / "record", Checkpoint(tmp_path / "run", save_freq=3)
    after = Observe("on_train_batch_end")
    trained(after, Meddle(), Recorder(every="4 batches"))
    with pytest.raises(InterruptedError):
        trained(Meddle(), Recorder(record, "4 batches"), Interrupt(2, 6), resume=resume)
    _, history = trained(Meddle(), Recorder(record, "4 batches"), resume=resume)
    for at in [(0, 3), (2, 3), (2, 5), (2, 6), (3, 1), (4, 7)]:
        assert arrays(history.at(*at).after) == after.seen[at]


def test_another_run_in_the_same_directory_begins_a_record_of_its_own(tmp_path):
    trained(Recorder(tmp_path))
    _, history = trained(Recorder(tmp_path), epochs=2)
    past = model().past(tmp_path, X, Y, batch_size=8)
    assert past.at(1, 7).loss == history.at(1, 7).loss
    with pytest.raises(ValueError, match="came to epoch 1, batch 7"):
        past.at(2, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"x": X + 1}, "x float32"), ({"y": Y * 2}, "y float32")],
    ids=["other inputs", "other targets"],
)
def test_other_data_are_refused(change, words, tmp_path):
    trained(Recorder(tmp_path))
    with pytest.raises(
        ValueError, match=f"expected the model and the data of the recorded run.*{words}"
    ):
        model().past(tmp_path, **{"x": X, "y": Y, "batch_size": 8, **change})


@pytest.mark.parametrize("at", [(5, 0), (0, 8), (-1, 0)])
def test_a_batch_that_the_run_never_came_to_is_refused(at):
    _, history = trained(Recorder())
    with pytest.raises(ValueError, match="came to epoch 4, batch 7"):
        history.at(*at)


def test_a_run_without_a_record_says_what_to_do():
    _, history = trained()
    with pytest.raises(ValueError, match="Recorder"):
        history.at(0, 0)


def test_what_can_be_read_only_once_is_refused():
    net = model()
    batches = iter([(X[:8], Y[:8])] * 4)
    history = net.fit(batches, steps_per_epoch=4, verbose=0, callbacks=[Recorder()])
    with pytest.raises(ValueError, match="read again"):
        history.at(0, 1)


def test_a_source_that_can_be_read_again_is(tmp_path):
    class Batches:
        def __iter__(self):
            return ((X[i : i + 8], Y[i : i + 8]) for i in range(0, 56, 8))

    net = model()
    seen = Observe("on_train_batch_end")
    history = net.fit(Batches(), epochs=3, verbose=0, callbacks=[seen, Recorder()])
    moment = history.at(2, 3)
    assert arrays(moment.after) == seen.seen[2, 3]
    assert moment.rows is None
    assert np.array_equal(moment.inputs[0], X[24:32])


@pytest.mark.parametrize("raises", [False, True])
def test_the_cause_of_a_nan_is_located(raises, capsys):
    x = X.copy()
    x[37, 2] = np.inf
    stop = TerminateOnNaN(raise_error=raises, locate=True)
    if raises:
        with pytest.raises(RuntimeError, match=r"rows \[37\] of the data"):
            trained(stop, x=x)
    else:
        trained(stop, x=x, verbose=2)
        assert "rows [37] of the data" in capsys.readouterr().out
    assert 37 in stop.moment.rows
    assert stop.moment.explain().rows.tolist() == stop.moment.rows.tolist()


def test_the_operation_that_leaves_the_finite_numbers_is_named():
    class Logarithm(nnx.Module):
        def __init__(self, rngs):
            self.layer = nnx.Linear(6, 1, rngs=rngs)

        def __call__(self, x):
            return jax.numpy.log(self.layer(x) * 0)  # not finite: the logarithm of 0

    net = cb.Model(Logarithm(nnx.Rngs(0)))
    net.compile("sgd", "mse")
    history = net.fit(X, Y, verbose=0, callbacks=[Recorder()])
    operation = history.at(0, 0).explain().operation
    assert operation.operation == "log"
    assert "test_time_travel.py" in operation.line


def test_a_variable_that_a_loss_holds_and_a_hook_writes_is_in_the_journal():
    weight = cb.backend.variable(1.0)

    class Anneal(Callback):
        execution = "fused"

        def on_train_batch_end(self, batch, logs=None):
            if batch % 3 == 1:
                cb.backend.set_value(weight, cb.backend.get_value(weight) * 0.7)

    net = model(lambda y, p: weight * jax.numpy.mean((y - p) ** 2, axis=-1))
    seen = Observe("on_train_batch_end")
    history = net.fit(**FIT, callbacks=[seen, Anneal(), Recorder(every="4 batches")])
    end = float(cb.backend.get_value(weight))
    for at in [(0, 1), (0, 2), (1, 6), (3, 3), (4, 7)]:
        assert arrays(history.at(*at).after) == seen.seen[at]
    assert float(cb.backend.get_value(weight)) == end, "the variable is what it was"
