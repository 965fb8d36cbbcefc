"""``fit(resume=directory)``: the same script, started again, ends where it would have ended."""

import os
import shutil
import signal
from contextlib import closing

import jax.numpy as jnp
import numpy as np
import pytest

import callbax as cb
from callbax._stores import _fits
from callbax._stores._checkpoint_store import CheckpointStore
from callbax._stores._lock import Lock
from callbax._stores._run_file import to_contents
from callbax.callbacks import Callback, Checkpoint, EarlyStopping, ReduceLROnPlateau
from callbax.testing import damage

pytestmark = pytest.mark.filterwarnings("ignore:Not restored, as these callbacks")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(22, 4)).astype("float32"), RNG.normal(size=(22, 1)).astype("float32")
STEPS = 6
"""Batches in an epoch."""


class Killed(BaseException):
    """Stands for SIGKILL."""


class KillAt(Callback):
    execution = "fused"

    def __init__(self, epoch, batch):
        self.at = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise Killed


def model(optimizer=None, loss="mse", metrics=("mae",), activation="relu"):
    cb.utils.set_random_seed(5)
    layers = [cb.layers.Dense(6, activation), cb.layers.Dropout(0.4), cb.layers.Dense(1)]
    made = cb.Sequential(layers)
    made.compile(optimizer or cb.optimizers.Adam(0.01), loss, metrics=list(metrics))
    return made


def life(directory, kill=None, made=None, callbacks=(), **changes):
    """One process: everything anew, until the end or the kill."""
    _fits._ended.clear()
    made = made or model()
    arguments = {"x": X, "y": Y, "batch_size": 4, "epochs": 4, "verbose": 0, **changes}
    killer = [KillAt(*kill)] if kill else []
    history = made.fit(**arguments, callbacks=[*callbacks, *killer], resume=directory)
    return made, history.history


def killed(directory, kill, **changes):
    with pytest.raises(Killed):
        life(directory, kill, **changes)


def same(left, right):
    pairs = zip(left.get_weights(), right.get_weights(), strict=True)
    return all(np.array_equal(mine, other) for mine, other in pairs)


def files(directory):
    return sorted(path.name for path in (directory / "fit-0").iterdir())


@pytest.mark.parametrize("kills", [[(0, 0)], [(1, 3)], [(3, 5)], [(0, 4), (2, 1), (2, 5)]])
@pytest.mark.parametrize("save_freq", ["epoch", 2])
def test_a_killed_run_ends_where_the_whole_one_does(kills, save_freq, tmp_path):
    whole, history = life(Checkpoint(tmp_path / "whole", save_freq))
    directory = tmp_path / "killed"
    for kill in kills:
        killed(Checkpoint(directory, save_freq), kill)
    resumed, resumed_history = life(Checkpoint(directory, save_freq))
    assert same(whole, resumed)
    assert resumed_history == history


def test_a_fit_that_is_over_is_not_trained_again(tmp_path):
    stop = EarlyStopping("loss", patience=9, restore_best_weights=True)
    whole, history = life(tmp_path, callbacks=[stop])
    steps = []

    class Count(Callback):
        def on_train_batch_begin(self, batch, logs=None):
            steps.append(batch)

    again, history_again = life(tmp_path, callbacks=[stop, Count()])
    assert steps == []
    assert same(whole, again)
    assert history_again == history
    assert again.optimizer.iterations == whole.optimizer.iterations


def test_more_epochs_continue_from_the_state_before_the_end(tmp_path):
    whole, history = life(tmp_path / "whole", epochs=6)
    life(tmp_path / "more", epochs=4)
    more, more_history = life(tmp_path / "more", epochs=6)
    assert same(whole, more)
    assert more_history == history


def test_each_fit_of_a_script_has_its_own_record(tmp_path):
    def script(directory, kill=None):
        _fits._ended.clear()
        made = model()
        for number, x in enumerate((X, X + 1)):
            killers = [KillAt(*kill)] if kill and number else []
            made.fit(x, Y, batch_size=4, epochs=2, verbose=0, callbacks=killers, resume=directory)
        return made

    whole = script(tmp_path / "whole")
    with pytest.raises(Killed):
        script(tmp_path / "killed", (1, 2))
    resumed = script(tmp_path / "killed")
    assert same(whole, resumed)
    assert resumed.optimizer.iterations == 4 * STEPS


def test_a_model_that_continues_to_be_fitted_is_as_if_it_had_not_been_interrupted(tmp_path):
    made = model()
    with pytest.raises(Killed):
        life(tmp_path, (2, 1), made=made)
    resumed, _ = life(tmp_path, made=made)  # the same cell of a notebook, run again
    whole, _ = life(tmp_path / "whole")
    assert same(whole, resumed)


OTHER = {
    "optimizer": {"made": lambda: model(cb.optimizers.SGD(0.01))},
    "learning_rate": {"made": lambda: model(cb.optimizers.Adam(0.5))},
    "optimizer.beta_1": {"made": lambda: model(cb.optimizers.Adam(0.01, beta_1=0.5))},
    "loss": {"made": lambda: model(loss="mae")},
    "metrics": {"made": lambda: model(metrics=["mse"])},
    "step": {"made": lambda: model(activation="tanh")},
    "x": {"x": X + 1},
    "y": {"y": Y * 2},
    "weights of samples": {"sample_weight": np.ones(22, "float32")},
    "shuffle": {"shuffle": False},
    "steps_per_epoch": {"steps_per_epoch": 3},
    "epochs": {"epochs": 1},
}


@pytest.mark.parametrize("name", OTHER)
def test_a_fit_that_differs_is_refused_by_name_before_anything_changes(name, tmp_path):
    killed(tmp_path, (2, 4))
    change = dict(OTHER[name])
    made = change.pop("made", model)()
    begun = []
    begin = cb.callbacks.LambdaCallback(on_train_begin=lambda logs: begun.append(1))
    before = {name: (tmp_path / "fit-0" / name).read_bytes() for name in files(tmp_path)}
    with pytest.raises(ValueError, match=f"differs in: .*{name}"):
        life(tmp_path, made=made, callbacks=[begin], **change)
    assert not begun
    assert made.optimizer.iterations == 0
    after = {name: (tmp_path / "fit-0" / name).read_bytes() for name in files(tmp_path)}
    assert after == before


def weighted(weight):
    def loss(y, y_pred):
        return (weight * (y - y_pred) ** 2).mean(axis=-1)

    return model(loss=loss)


@pytest.mark.parametrize("kind", [np.float32, jnp.float32, lambda value: np.array([value], "f4")])
def test_an_array_that_the_loss_holds_tells_fits_apart(kind, tmp_path):
    killed(tmp_path, (2, 4), made=weighted(kind(1.0)))
    with pytest.raises(ValueError, match="differs in: the computation of a training step"):
        life(tmp_path, made=weighted(kind(2.0)))
    life(tmp_path, made=weighted(kind(1.0)))


def test_a_fit_that_differs_continues_on_request(tmp_path):
    killed(tmp_path, (2, 4))
    resume = Checkpoint(tmp_path, allow_changes=True)
    with pytest.warns(UserWarning, match="with other settings: x float32"):
        made, history = life(resume, x=X + 1)
    assert len(history["loss"]) == 4
    assert made.optimizer.iterations == 4 * STEPS


def test_a_damaged_state_is_passed_over_by_name(tmp_path):
    whole, _ = life(tmp_path / "whole")
    killed(tmp_path / "killed", (2, 4))
    newest = tmp_path / "killed" / "fit-0" / files(tmp_path / "killed")[-1]
    newest.write_bytes(newest.read_bytes()[:500])
    with pytest.warns(UserWarning, match=f"{newest.name}.*passed over"):
        resumed, _ = life(tmp_path / "killed")
    assert same(whole, resumed)


def test_nothing_that_can_be_read_is_an_error(tmp_path):
    killed(tmp_path, (1, 2))
    for path in (tmp_path / "fit-0").iterdir():
        path.write_bytes(b"")
    with pytest.warns(UserWarning, match="passed over"), pytest.raises(OSError, match="empty file"):
        life(tmp_path)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A run that was killed, and the weights and history of the whole one."""
    directory = tmp_path_factory.mktemp("interrupted")
    whole = life(directory / "whole")
    killed(directory / "killed", (2, 4))
    return directory / "killed", whole


@pytest.mark.filterwarnings("ignore:.*is passed over")
@pytest.mark.parametrize("how", ["truncate", "empty", "delete", "flip", "swap"])
@pytest.mark.parametrize("which", [0, 1])
def test_whatever_happens_to_a_file_the_numbers_are_those_of_the_run(
    how, which, interrupted, tmp_path
):
    source, (whole, history) = interrupted
    shutil.copytree(source, tmp_path / "run")
    paths = sorted((tmp_path / "run" / "fit-0").iterdir())
    if how == "swap":
        shutil.copy(paths[1 - which], paths[which])
    else:
        damage(paths[which], how)
    resumed, resumed_history = life(tmp_path / "run")
    assert same(whole, resumed)
    assert resumed_history == history


@pytest.mark.filterwarnings("ignore:.*is passed over")
def test_a_directory_in_place_of_a_file_stays(interrupted, tmp_path):
    source, (whole, history) = interrupted
    shutil.copytree(source, tmp_path / "run")
    older, newer = sorted((tmp_path / "run" / "fit-0").iterdir())
    damage(older, "directory")
    resumed, resumed_history = life(tmp_path / "run")
    assert same(whole, resumed)
    assert resumed_history == history
    shutil.copytree(source, tmp_path / "again")
    damage(tmp_path / "again" / "fit-0" / newer.name, "directory")
    with pytest.raises(OSError, match=rf"{newer.name}.*received the directory"):
        life(tmp_path / "again")
    assert older.is_dir()


@pytest.mark.filterwarnings("ignore:.*is passed over")
def test_a_flipped_bit_is_harmless_or_the_state_before_is_used(interrupted, tmp_path):
    source, _ = interrupted
    shutil.copytree(source, tmp_path / "run")
    newest = max((tmp_path / "run" / "fit-0").iterdir())
    sound = newest.read_bytes()
    states = contents(tmp_path / "run" / "fit-0")
    passed_over = 0
    for at in np.random.default_rng(0).choice(len(sound), 200, replace=False):
        newest.write_bytes(sound)
        damage(newest, "flip", int(at))
        left = contents(tmp_path / "run" / "fit-0")
        assert left in (states, states[1:])
        passed_over += left == states[1:]
    assert passed_over > 0


def contents(directory):
    """Returns all that the states in a directory hold, the newest first."""
    with closing(CheckpointStore(str(directory), owner="test")) as store:
        found = [to_contents(run).arrays() for run in store.states()]
    return [{key: array.tobytes() for key, array in arrays.items()} for arrays in found]


def test_the_newest_and_the_best_are_kept(tmp_path):
    resume = Checkpoint(tmp_path, keep=2, keep_best=1, monitor="loss")
    _, history = life(resume, epochs=6)
    best = int(np.argmin(history["loss"])) + 1
    steps = {5 * STEPS, 6 * STEPS, best * STEPS}
    expected = ["finished.weights.h5", *(f"step-{step:09d}.weights.h5" for step in sorted(steps))]
    assert files(tmp_path) == expected
    assert resume.best.endswith(f"step-{best * STEPS:09d}.weights.h5") or not resume.best


def test_a_state_is_a_weights_file(tmp_path):
    made, _ = life(tmp_path)
    other = model()
    other.build((None, 4))
    other.load_weights(tmp_path / "fit-0" / "finished.weights.h5")
    assert same(made, other)


def test_a_directory_in_use_is_refused(tmp_path):
    class Second(Callback):
        def on_epoch_end(self, epoch, logs=None):
            with pytest.raises(OSError, match="no other run uses"):
                model().fit(X, Y, verbose=0, resume=tmp_path)

    life(tmp_path, callbacks=[Second()])


def test_two_records_of_one_fit_are_refused(tmp_path):
    backup = cb.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(ValueError, match="one callback that records the run"):
        life(tmp_path / "run", callbacks=[backup])


def test_a_later_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("callbax._stores._run_text.FORMAT", 99)
    killed_early = pytest.raises((Killed, OSError))
    with killed_early:
        life(tmp_path, (1, 0))
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="later callbax"), pytest.raises(OSError, match="later"):
        life(tmp_path)


def test_callbacks_of_one_class_get_their_own_states_in_any_order(tmp_path):
    def callbacks():
        return EarlyStopping("loss", patience=50), EarlyStopping("mae", patience=50)

    killed(tmp_path, (2, 3), callbacks=callbacks())
    by_mae, by_loss = callbacks()[::-1]
    seen = {}

    class See(Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.setdefault("best", (by_loss.best, by_mae.best))

    _, history = life(tmp_path, callbacks=[by_mae, by_loss, See()])
    assert seen["best"] == (min(history["loss"][:2]), min(history["mae"][:2]))


def test_a_resumed_run_tells_where_it_continues(tmp_path, capsys):
    killed(tmp_path, (2, 3), callbacks=[ReduceLROnPlateau("loss")])
    life(tmp_path, callbacks=[ReduceLROnPlateau("loss")], verbose=2)
    told = capsys.readouterr().out
    assert "Resuming in epoch 3 after 0 batches, at step 12." in told
    assert "ReduceLROnPlateau" in told


def test_the_hooks_before_the_restored_state_see_what_they_saw_at_first(tmp_path):
    class Initial(Callback):
        def on_train_begin(self, logs=None):
            self.weights = self.model.get_weights()
            self.model.set_weights([weight * 0 for weight in self.weights])

    whole, _ = life(tmp_path / "whole", callbacks=[first := Initial()])
    killed(tmp_path / "killed", (2, 3), callbacks=[Initial()])
    resumed, _ = life(tmp_path / "killed", callbacks=[again := Initial()])
    assert same(whole, resumed)
    assert all(map(np.array_equal, first.weights, again.weights))


def test_global_generators_continue(tmp_path):
    class Jitter(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.01 * np.random.rand()

    whole, _ = life(tmp_path / "whole", callbacks=[Jitter()])
    killed(tmp_path / "killed", (2, 3), callbacks=[Jitter()])
    resumed, _ = life(tmp_path / "killed", callbacks=[Jitter()])
    assert same(whole, resumed)


def validation():
    rng = np.random.default_rng(3)
    while True:
        rows = rng.integers(0, 22, 4)
        yield X[rows], Y[rows]


def test_a_validation_generator_continues_where_it_was(tmp_path):
    def lived(directory, kill=None):
        return life(directory, kill, validation_data=validation(), validation_steps=2)

    _, history = lived(tmp_path / "whole")
    with pytest.raises(Killed):
        lived(tmp_path / "killed", (2, 3))
    _, resumed = lived(tmp_path / "killed")
    assert resumed == history


class Loader:
    """Shuffles in another order in each pass, by a generator of its own."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def __iter__(self):
        order = self.rng.permutation(22)
        for first in range(0, 22, 4):
            yield X[order[first : first + 4]], Y[order[first : first + 4]]


@pytest.mark.parametrize("save_freq", ["epoch", 2])
def test_a_source_that_does_not_give_the_same_again_is_refused(save_freq, tmp_path):
    def lived(directory, seed, kill=None):
        resume = Checkpoint(directory, save_freq)
        return life(resume, kill, x=Loader(seed), y=None, batch_size=None)

    whole, _ = lived(tmp_path / "whole", 7)
    with pytest.raises(Killed):
        lived(tmp_path / "killed", 7, (2, 3))
    with pytest.raises(ValueError, match="gives again what it gave"):
        lived(tmp_path / "killed", 8)
    resumed, _ = lived(tmp_path / "killed", 7)
    assert same(whole, resumed)


def test_a_failed_write_ends_the_run_and_keeps_what_was_there(tmp_path, monkeypatch):
    killed(tmp_path, (1, 2))
    kept = files(tmp_path)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("callbax._stores._run_file.write_run", full)
    with pytest.raises(OSError, match="No space left"):
        life(tmp_path)
    monkeypatch.undo()
    assert files(tmp_path) == kept
    assert os.listdir(tmp_path) == ["fit-0"]
    whole, _ = life(tmp_path / "whole")
    assert same(whole, life(tmp_path)[0])


@pytest.mark.filterwarnings("ignore:os.fork")
def test_a_process_that_was_forked_meanwhile_does_not_keep_the_directory(tmp_path):
    lock = Lock(str(tmp_path), where="test")
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        with pytest.raises(OSError, match="no other run uses"):
            Lock(str(tmp_path), where="test")
        lock.release()
        Lock(str(tmp_path), where="test").release()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
