import math

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel

from callbax.callbacks import BaseLogger, CallbackList, TerminateOnNaN

LOSSES = [0.5, np.float32(0.5), np.array(1.0), math.nan, math.inf, -math.inf, np.float32("nan")]


@pytest.mark.parametrize(
    "logs", [*({"loss": loss} for loss in LOSSES), {}, {"mae": math.nan}, None]
)
@pytest.mark.parametrize("raise_error", [False, True])
def test_stops_prints_and_raises_like_keras(logs, raise_error, capsys):
    outcomes = []
    for callback_class in (keras.callbacks.TerminateOnNaN, TerminateOnNaN):
        model = FakeModel()
        hooks = CallbackList(callback_class(raise_error=raise_error), model=model)
        error = None
        try:
            hooks.on_train_batch_end(7, logs)
        except RuntimeError as caught:
            error = str(caught)
        outcomes.append((model.stop_training, error, capsys.readouterr().out))
    assert outcomes[1] == outcomes[0]


def test_a_loss_that_is_no_number_is_let_pass():
    TerminateOnNaN().on_batch_end(0, {"loss": "text"})


def test_base_logger_leaves_the_logs_alone():
    hooks = CallbackList(BaseLogger(stateful_metrics=["auc"]))
    logs = {"loss": 0.5}
    hooks.on_train_batch_end(0, logs)
    hooks.on_epoch_end(0, logs)
    assert logs == {"loss": 0.5}
    assert not hooks.wants("on_train_batch_end")
