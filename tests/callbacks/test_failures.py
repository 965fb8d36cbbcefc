"""What happens if a callback fails: in which hook, with what, by which policy, beside another."""

import numpy as np
import pytest

import callbax as cb
from callbax.callbacks import Callback, CSVLogger, LambdaCallback, TensorBoard

X, Y = np.ones((12, 2), "float32"), np.ones((12, 1), "float32")
HOOKS = (
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_test_end",
    "on_epoch_end",
    "on_train_end",
)
ERRORS = (ValueError, StopIteration, RecursionError, MemoryError, KeyboardInterrupt, SystemExit)


class Failing(Callback):
    """Fails in one hook; notes what is called after that."""

    execution = "fused"

    def __init__(self, hook, error):
        self.exceptions, self.torn_down, self.calls = [], 0, 0
        self.error = error("mine")
        setattr(self, hook, self.fail)

    def fail(self, *args, **kwargs):
        self.calls += 1
        raise self.error

    def on_exception(self, exception):
        self.exceptions.append(exception)

    def teardown(self):
        self.torn_down += 1


class FailingToo(Failing):
    """Fails wherever it is told that a run ends, too."""

    def on_exception(self, exception):
        super().on_exception(exception)
        raise OSError("told")

    def teardown(self):
        super().teardown()
        raise OSError("torn")


def model():
    cb.utils.set_random_seed(1)
    made = cb.Sequential([cb.layers.Dense(3), cb.layers.Dropout(0.3), cb.layers.Dense(1)])
    made.compile("adam", "mse")
    return made


def fit(made, *callbacks, **arguments):
    return made.fit(
        X,
        Y,
        batch_size=4,
        epochs=2,
        verbose=0,
        validation_data=(X, Y),
        callbacks=list(callbacks),
        **arguments,
    )


@pytest.mark.filterwarnings("ignore:`FailingToo.teardown` failed")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("error", ERRORS)
def test_every_way_to_fail(hook, error):
    whole = model()
    history = fit(whole).history

    made, failing, bystander = model(), Failing(hook, error), FailingToo("on_exception_", error)
    with pytest.raises(error) as caught:
        fit(made, failing, bystander)
    assert caught.value is failing.error
    assert failing.exceptions == bystander.exceptions == [failing.error]
    assert (failing.calls, failing.torn_down, bystander.torn_down) == (1, 1, 1)
    notes = "\n".join(caught.value.__notes__)
    for words in (f"`Failing.{hook}`", "FailingToo.on_exception", "FailingToo.teardown"):
        assert words in notes
    assert made.evaluate(X, Y, verbose=0) > 0

    made, failing = model(), Failing(hook, error)
    if not issubclass(error, Exception):
        with pytest.raises(error):
            fit(made, failing, callback_failures="warn")
        return
    with pytest.warns(RuntimeWarning, match=f"`Failing.{hook}` failed(.|\n)*test_failures.py"):
        warned = fit(made, failing, callback_failures="warn").history
    assert (failing.calls, failing.exceptions, failing.torn_down) == (1, [], 1)
    assert warned == history
    pairs = zip(made.get_weights(), whole.get_weights(), strict=True)
    assert all(np.array_equal(mine, other) for mine, other in pairs)


@pytest.mark.parametrize("where", ["class", "instance", "fit by class", "fit by object"])
def test_where_a_policy_is_set(where):
    kind = type("Mine", (Failing,), {"on_failure": "warn"}) if where == "class" else Failing
    failing = kind("on_epoch_end", ValueError)
    failures = {"fit by class": {Failing: "warn"}, "fit by object": {failing: "warn"}}.get(where)
    if where == "instance":
        failing.on_failure = "warn"
    with pytest.warns(RuntimeWarning, match="on_epoch_end` failed"):
        fit(model(), failing, callback_failures=failures)
    assert failing.calls == 1


def test_fit_has_the_last_word():
    failing = Failing("on_epoch_end", ValueError)
    failing.on_failure = "warn"
    with pytest.raises(ValueError, match="mine"):
        fit(model(), failing, callback_failures="raise")


def test_two_may_fail_at_once():
    first, second = Failing("on_epoch_end", ValueError), Failing("on_epoch_end", OSError)
    with pytest.warns(RuntimeWarning) as told:
        fit(model(), first, second, callback_failures="warn")
    assert len([one for one in told if "failed" in str(one.message)]) == 2
    assert (first.calls, second.calls) == (1, 1)


def test_a_callback_that_failed_is_called_again_in_the_next_fit():
    failing = Failing("on_epoch_end", ValueError)
    for number in (1, 2):
        with pytest.warns(RuntimeWarning, match="failed"):
            fit(model(), failing, callback_failures="warn")
        assert failing.calls == number


@pytest.mark.parametrize("policy", ["ignore", 3, {Failing: "ignore"}], ids=["name", "int", "dict"])
def test_an_unknown_policy_is_refused_before_anything_happens(policy):
    begun = []
    begin = LambdaCallback(on_train_begin=lambda logs: begun.append(1))
    with pytest.raises((ValueError, TypeError), match='"raise"'):
        fit(model(), begin, callback_failures=policy)
    assert not begun


def test_a_logger_whose_directory_goes_does_not_end_the_run(tmp_path):
    def remove(epoch, logs):
        for path in (tmp_path / "board").rglob("events*"):
            path.unlink()
        (tmp_path / "log" / "log.csv").unlink()
        (tmp_path / "log").rmdir()

    (tmp_path / "log").mkdir()
    loggers = CSVLogger(tmp_path / "log" / "log.csv"), TensorBoard(tmp_path / "board")
    with pytest.warns(RuntimeWarning) as told:
        history = fit(model(), LambdaCallback(on_epoch_begin=remove_once(remove)), *loggers)
    assert len(history.epoch) == 2
    named = " ".join(str(one.message) for one in told)
    assert "`CSVLogger.on_epoch_end` failed" in named
    assert "`TensorBoard.on_" in named


def remove_once(remove):
    done = []
    return lambda epoch, logs: done or (done.append(1), remove(epoch, logs))


def test_what_a_logger_cannot_write_to_is_refused_at_the_begin(tmp_path):
    with pytest.raises(OSError, match="log"):
        fit(model(), CSVLogger(tmp_path / "missing" / "log.csv"))


def test_exceptions_of_evaluate_and_predict_are_told():
    for call in ("evaluate", "predict"):
        failing = Failing(f"on_{'test' if call == 'evaluate' else call}_batch_end", ValueError)
        made = model()
        made.build((None, 2))
        with pytest.raises(ValueError, match="mine"):
            getattr(made, call)(X, verbose=0, callbacks=[failing], **targets(call))
        assert len(failing.exceptions) == failing.torn_down == 1


def targets(call):
    return {"y": Y} if call == "evaluate" else {}


def test_an_exception_of_the_data_is_told_too():
    told = []

    def batches():
        yield X[:4], Y[:4]
        raise ConnectionError("gone")

    watch = LambdaCallback(on_exception=told.append)
    with pytest.raises(ConnectionError):
        model().fit(batches(), steps_per_epoch=3, verbose=0, callbacks=[watch])
    assert [type(one) for one in told] == [ConnectionError]


def test_the_run_s_own_parts_are_no_callbacks_to_switch_off():
    def broken():
        yield X[:4], Y[:4]
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        model().fit(
            X,
            Y,
            batch_size=4,
            verbose=0,
            validation_data=broken(),
            validation_steps=2,
            validation_freq="2 batches",
            callback_failures="warn",
        )


def test_a_logger_that_cannot_tell_its_state_does_not_end_the_run(tmp_path):
    (tmp_path / "log").mkdir()
    log = CSVLogger(tmp_path / "log" / "log.csv")

    def remove(batch, logs):
        if batch == 1:
            (tmp_path / "log" / "log.csv").unlink(missing_ok=True)

    backup = cb.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)
    watch = LambdaCallback(on_train_batch_begin=remove)
    with pytest.warns(RuntimeWarning, match="`CSVLogger.state_dict` failed"):
        history = fit(model(), watch, log, backup)
    assert len(history.epoch) == 2


def test_the_run_can_be_asked_for_its_state_when_an_exception_is_told():
    class Ask(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise ValueError("mine")

        def on_exception(self, exception):
            run = self.model.run_state()
            self.at = run.epoch, run.batch

    ask = Ask()
    with pytest.raises(ValueError, match="mine"):
        fit(model(), ask)
    assert ask.at == (0, 3)


def test_a_class_of_the_user_s_own_has_its_policy_from_the_first_hook_on():
    class Mine(Failing):
        on_failure = "warn"

    with pytest.warns(RuntimeWarning, match="on_train_begin` failed"):
        fit(model(), Mine("on_train_begin", ValueError))
