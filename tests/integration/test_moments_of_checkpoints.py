"""Without a recorder, moments are reached from the states of the run that are kept."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from flax import nnx
from tests.integration.moments import (
    FIT,
    Interrupt,
    Meddle,
    Net,
    Observe,
    X,
    Y,
    arrays,
    model,
    trained,
)

import callbax as cb
from callbax._stores import _fits, _trail
from callbax._stores._kept import Kept
from callbax.callbacks import BackupAndRestore, Callback, Checkpoint, LearningRateScheduler

pytestmark = pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")


@pytest.fixture(autouse=True)
def a_process_of_its_own():
    _fits._ended.clear()


def observed(*callbacks, **changes):
    """Trains with observers around the callbacks."""
    after, before = Observe("on_train_batch_end"), Observe("on_train_batch_begin")
    net, history = trained(after, *callbacks, before, **changes)
    return net, history, before.seen, after.seen


@pytest.mark.parametrize("save_freq", ["epoch", "3 batches", "2 epochs"])
def test_moments_of_a_run_with_checkpoints_are_what_observers_saw(save_freq, tmp_path):
    resume = Checkpoint(tmp_path, save_freq, keep=100)
    net, history, before, after = observed(Meddle(), resume=resume)
    left = arrays(net._engine.read())
    for number in np.random.default_rng(2).permutation(40)[:10]:
        at = divmod(int(number), 8)
        moment = history.at(*at)
        assert arrays(moment.before) == before[at]
        assert arrays(moment.after) == after[at]
        assert np.array_equal(moment.inputs[0], X[moment.rows])
    assert arrays(net._engine.read()) == left, "the model is what it was"


def test_logs_are_those_that_hooks_got(tmp_path):
    seen, losses = {}, {}

    class Look(Observe):
        def note(self, batch, logs=None):
            seen[self.epoch, batch] = dict(logs)
            losses[self.epoch, batch] = self.model.batch_loss

    _, history = trained(Look("on_train_batch_end"), resume=Checkpoint(tmp_path, keep=9))
    moment = history.at(3, 5)
    assert (moment.logs, moment.loss) == (seen[3, 5], losses[3, 5])
    assert moment.outputs.shape == (8, 1)


def test_a_plain_resume_reaches_the_last_epoch_and_says_so(tmp_path):
    _, history, _, after = observed(resume=tmp_path)
    assert arrays(history.at(4, 7).after) == after[4, 7]
    with pytest.raises(ValueError, match=r"from epoch 4, batch 0, on(.|\n)*before(.|\n)*keep="):
        history.at(3, 7)


@pytest.mark.parametrize("at", [(5, 0), (4, 8), (-1, 0), (2, 8)])
def test_a_batch_that_the_run_never_came_to_is_refused(at, tmp_path):
    _, history = trained(resume=Checkpoint(tmp_path, keep=9))
    with pytest.raises(ValueError, match="Epochs and batches count from 0"):
        history.at(*at)


def test_a_batch_after_a_stop_is_refused(tmp_path):
    class Stop(Observe):
        def note(self, batch, logs=None):
            self.model.stop_training = (self.epoch, batch) == (2, 3)

    _, history = trained(Stop("on_train_batch_end"), resume=Checkpoint(tmp_path, keep=9))
    assert history.at(2, 3).batch == 3
    with pytest.raises(ValueError, match="never came to"):
        history.at(2, 4)


def test_moments_after_the_last_state_of_a_run_that_failed_are_known_here(tmp_path):
    resume = Checkpoint(tmp_path, keep=9)
    after, net = Observe("on_train_batch_end"), model()
    with pytest.raises(InterruptedError):
        net.fit(**FIT, callbacks=[after, Meddle(), Interrupt(3, 6)], resume=resume)
    assert arrays(net.history.at(3, 5).after) == after.seen[3, 5]
    with pytest.raises(ValueError, match="came to epoch 3, batch 6"):
        net.history.at(3, 6)


def test_the_moments_of_a_run_that_was_resumed_are_those_of_the_whole_run(tmp_path):
    _, _, _, after = observed(Meddle())
    resume = {"resume": Checkpoint(tmp_path, save_freq=3, keep=100)}
    with pytest.raises(InterruptedError):
        trained(Meddle(), Interrupt(2, 6), **resume)
    _, history = trained(Meddle(), **resume)
    for at in [(0, 3), (2, 5), (2, 6), (2, 7), (3, 1), (4, 7)]:
        assert arrays(history.at(*at).after) == after[at]


@pytest.mark.parametrize("double", [False, True])
def test_a_backup_that_stays_leads_to_moments(double, tmp_path):
    backup = BackupAndRestore(tmp_path, 6, double, delete_checkpoint=False)
    _, history, _, after = observed(Meddle(), backup)
    assert arrays(history.at(4, 5).after) == after[4, 5]
    first = "epoch 3, batch 6" if double else "epoch 4, batch 4"
    with pytest.raises(ValueError, match=first):
        history.at(2, 0)


def test_a_backup_that_goes_leads_nowhere(tmp_path):
    _, history = trained(BackupAndRestore(tmp_path))
    with pytest.raises(ValueError, match="Recorder"):
        history.at(4, 0)


def test_what_a_hook_wrote_and_no_checkpoint_keeps_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(_trail, "_SMALL", 64)
    _, history, before, _ = observed(Meddle(), resume=Checkpoint(tmp_path, keep=9))
    assert arrays(history.at(2, 1).before) == before[2, 1]
    with pytest.raises(ValueError, match=r"after a hook wrote `params.*epoch 2, batch 2(.|\n)*Rec"):
        history.at(2, 2)


def test_rates_of_every_batch_are_kept_until_there_are_too_many(tmp_path, monkeypatch):
    class Decay(Callback):
        execution = "fused"

        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) * 0.9

    _, history, _, after = observed(Decay(), resume=Checkpoint(tmp_path / "all", keep=9))
    assert arrays(history.at(2, 6).after) == after[2, 6]
    monkeypatch.setattr(_trail, "_MOST", 5)
    _, history = trained(Decay(), resume=Checkpoint(tmp_path / "few", keep=9))
    with pytest.raises(ValueError, match="8 writes of hooks between two of them, of which the l"):
        history.at(2, 6)


def test_writes_at_the_borders_of_epochs_are_taken_again(tmp_path):
    class AtBorders(Callback):
        execution = "fused"

        def scale(self, factor):
            self.model.set_weights([weight * factor for weight in self.model.get_weights()])

        def on_epoch_begin(self, epoch, logs=None):
            self.scale(0.9)

        def on_epoch_end(self, epoch, logs=None):
            self.scale(1.05)

    scheduler = LearningRateScheduler(lambda epoch, rate: rate * 0.7)
    resume = Checkpoint(tmp_path, "3 epochs", keep=9)
    fit = {"validation_data": (X, Y), "resume": resume}
    _, history, before, after = observed(AtBorders(), scheduler, **fit)
    for at in [(0, 0), (2, 7), (3, 0), (4, 0), (4, 3)]:
        assert arrays(history.at(*at).before) == before[at]
        assert arrays(history.at(*at).after) == after[at]


def test_a_number_of_python_that_a_hook_changed_is_an_error(tmp_path):
    factor = [1.0]

    class Anneal(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            factor[0] = 1.0 / (epoch // 3 + 1)

    net = model(lambda y, p: factor[0] * (y - p) ** 2)
    history = net.fit(**FIT, callbacks=[Anneal()], resume=Checkpoint(tmp_path, keep=9))
    with pytest.raises(ValueError, match=r"a number of Python(.|\n)*backend.variable"):
        history.at(4, 3)


def test_a_source_that_gives_other_batches_is_noticed(tmp_path):
    class Batches:
        shift = 0.0

        def __iter__(self):
            return ((X[i : i + 8] + self.shift, Y[i : i + 8]) for i in range(0, 56, 8))

    net, source, after = model(), Batches(), Observe("on_train_batch_end")
    resume = Checkpoint(tmp_path, keep=9)
    history = net.fit(source, epochs=3, verbose=0, callbacks=[after], resume=resume)
    assert arrays(history.at(1, 3).after) == after.seen[1, 3]
    source.shift = 1.0
    with pytest.raises((ValueError, RuntimeError), match=r"other batches|another one"):
        history.at(0, 3)


def test_states_of_an_earlier_version_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.setattr(_trail.Trail, "put_on", lambda self, run: run)
    _, history = trained(Meddle(), resume=Checkpoint(tmp_path, keep=9))
    with pytest.raises(ValueError, match="those of an earlier version"):
        history.at(2, 2)


def test_first_needs_a_recorder(tmp_path):
    _, history = trained(resume=tmp_path)
    with pytest.raises(ValueError, match=r"`history.first`(.|\n)*Recorder"):
        history.first(lambda logs: True)


def test_states_of_another_run_under_the_same_names_are_not_taken(tmp_path):
    _, history = trained(resume=Checkpoint(tmp_path, keep=9))
    shutil.rmtree(tmp_path)
    _fits._ended.clear()
    trained(Meddle(), resume=Checkpoint(tmp_path, keep=9))
    with pytest.raises(FileNotFoundError, match="none any more"):
        history.at(2, 3)


def test_settings_that_were_changed_on_the_way_are_noticed(tmp_path):
    with pytest.raises(InterruptedError):
        trained(Interrupt(3, 2), resume=Checkpoint(tmp_path, keep=9))
    net = cb.Model(Net(nnx.Rngs(0)), seed=1)
    net.compile(cb.optimizers.Adam(0.01, beta_1=0.8), "mse", metrics=["mae"])
    resume = Checkpoint(tmp_path, keep=9, allow_changes=True)
    with pytest.warns(UserWarning, match="other settings"):
        history = net.fit(**FIT, resume=resume)
    assert history.at(4, 1).batch == 1
    with pytest.raises(ValueError, match=r"before these changed: optimizer\.beta_1"):
        history.at(1, 1)


# In a later process


def later(directory, **changes):
    return model().past(directory, **{"x": X, "y": Y, "batch_size": 8, **changes})


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_is_visited_from_a_directory_of_checkpoints(finished, tmp_path):
    resume, after = Checkpoint(tmp_path, "3 batches", keep=100), Observe("on_train_batch_end")
    if finished:
        trained(after, Meddle(), resume=resume)
    else:
        with pytest.raises(InterruptedError):
            trained(after, Meddle(), Interrupt(3, 6), resume=resume)
    for directory in (tmp_path, tmp_path / "fit-0"):
        past = later(directory)
        for at in [(0, 2), (1, 7), (3, 3)]:
            assert arrays(past.at(*at).after) == after.seen[at]
    if not finished:
        with pytest.raises(ValueError, match=r"came to epoch 3, batch 6(.|\n)*last state is not"):
            past.at(3, 6)


def test_of_several_fits_the_last_one_counts(tmp_path):
    net, seen = model(), []
    for x in (X, X + 1):
        seen.append(Observe("on_train_batch_end"))
        net.fit(**FIT | {"x": x}, callbacks=seen[-1], resume=tmp_path)
    # The second fit continues a model that is trained: the states have all that it takes.
    assert arrays(later(tmp_path, x=X + 1).at(4, 3).after) == seen[1].seen[4, 3]
    assert arrays(later(tmp_path / "fit-0").at(4, 3).after) == seen[0].seen[4, 3]


def test_a_directory_of_backups_is_visited(tmp_path):
    _, _, _, after = observed(
        Meddle(), BackupAndRestore(tmp_path, 5, True, delete_checkpoint=False)
    )
    assert arrays(later(tmp_path).at(4, 5).after) == after[4, 5]


@pytest.mark.one_device("that process has one, and rounds otherwise")
def test_a_run_is_visited_by_another_process(tmp_path):
    _, history = trained(Meddle(), resume=Checkpoint(tmp_path, keep=9))
    script = f"""
import sys; sys.path.insert(0, {sys.path[0]!r})
from tests.integration.moments import X, Y, arrays, model
moment = model().past({str(tmp_path)!r}, X, Y, batch_size=8).at(3, 6)
print(hash(tuple(arrays(moment.after))), moment.loss)
"""
    environment = os.environ | {"PYTHONHASHSEED": "0", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, cwd=os.getcwd()
    )
    assert done.stdout.split()[1] == repr(history.at(3, 6).loss)


@pytest.mark.parametrize(
    ("change", "words"), [({"x": X + 1}, "x float32"), ({"y": Y * 2}, "y float32")]
)
def test_other_data_are_refused(change, words, tmp_path):
    trained(resume=tmp_path)
    with pytest.raises(ValueError, match=f"the model and the data of the recorded run.*{words}"):
        later(tmp_path, **change)


def test_another_model_is_refused(tmp_path):
    trained(resume=tmp_path)
    net = cb.Model(Net(nnx.Rngs(0)), seed=1)
    net.compile(cb.optimizers.SGD(0.01), "mse", metrics=["mae"])
    with pytest.raises(ValueError, match="optimizer SGD for Adam"):
        net.past(tmp_path, X, Y, batch_size=8)


def test_a_directory_without_a_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"in which a run was recorded(.|\n)*resume="):
        later(tmp_path)


def test_a_damaged_state_is_passed_over_for_an_older_one(tmp_path):
    _, _, _, after = observed(resume=Checkpoint(tmp_path, keep=9))
    for name in ("step-000000024.weights.h5", "step-000000032.weights.h5"):
        path = tmp_path / "fit-0" / name
        path.write_bytes(path.read_bytes()[:-50])
    assert arrays(later(tmp_path).at(3, 4).after) == after[3, 4]


def test_a_journal_that_lost_an_entry_is_noticed(tmp_path, monkeypatch):
    _, history = trained(Meddle(), resume=Checkpoint(tmp_path, keep=9))
    kept = Kept._changes
    monkeypatch.setattr(Kept, "_changes", lambda *arguments: kept(*arguments)[1:])
    with pytest.raises(RuntimeError, match="to lead to the state that was kept there"):
        history.at(2, 4)
