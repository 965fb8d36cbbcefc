import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

from callbax.callbacks import LearningRateScheduler


@pytest.mark.parametrize(
    "schedule",
    [
        lambda epoch, lr: lr / 2,
        lambda epoch: 1 / (epoch + 1),
        lambda epoch, lr=8.0: lr / 2,
        lambda *args: 0.25 * len(args),
        lambda epoch, lr: np.float32(0.1),
        lambda epoch, lr: np.float64(lr) / 3,
    ],
)
def test_sets_logs_and_prints_like_keras(schedule, capsys):
    seen = []
    for scheduler_class in (keras.callbacks.LearningRateScheduler, LearningRateScheduler):
        model = FakeModel(learning_rate=0.5)
        logs = fit(scheduler_class(schedule, verbose=1), model, [{"loss": 1.0}] * 3)
        seen.append((logs, float(model.optimizer.learning_rate), capsys.readouterr().out))
    assert seen[1] == seen[0]
    assert [list(entry) for entry in seen[1][0]] == [["loss", "learning_rate"]] * 3


@pytest.mark.parametrize("rate", [1, np.int32(1), jnp.float32(1), np.array(1.0)])
def test_takes_any_single_number(rate):
    model = FakeModel()
    fit(LearningRateScheduler(lambda epoch, lr: rate), model, [{}])
    assert model.optimizer.learning_rate == 1.0
    assert type(model.optimizer.learning_rate) is float


@pytest.mark.parametrize(
    ("rate", "received"),
    [
        (None, "None"),
        ("0.1", "'0.1' (str)"),
        (True, "True"),
        (np.zeros(1), "ndarray of shape (1,) and dtype float64"),
        ([0.1], "list of length 1"),
    ],
)
def test_refuses_anything_else(rate, received):
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the words follow)
        fit(LearningRateScheduler(lambda epoch, lr: rate), FakeModel(), [{}])
    assert str(error.value) == (
        "`LearningRateScheduler(schedule)`: expected the schedule to return a float, received "
        f"{received} for epoch 0.\n"
        "Return the new learning rate; return the `lr` it is given to keep it."
    )


def test_does_not_hide_a_type_error_of_the_schedule():
    with pytest.raises(TypeError, match="unsupported operand"):
        fit(LearningRateScheduler(lambda epoch, lr: lr + "x"), FakeModel(), [{}])


@pytest.mark.parametrize(
    ("schedule", "received"),
    [(lambda: 0.1, r"signature \(\)"), (lambda a, b, c: 0.1, r"\(a, b, c\)"), (0.1, "0.1")],
)
def test_refuses_a_schedule_that_cannot_be_called(schedule, received):
    with pytest.raises(TypeError, match=rf"`schedule\(epoch, lr\)` or .*received .*{received}"):
        LearningRateScheduler(schedule)


def test_refuses_an_optimizer_without_a_rate():
    model = FakeModel()
    del model.optimizer.learning_rate
    with pytest.raises(ValueError, match=r'expected an optimizer with a "learning_rate" attribute'):
        fit(LearningRateScheduler(lambda epoch: 0.1), model, [{}])
