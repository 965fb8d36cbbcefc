"""tqdm's Keras callback."""

import io
import re

import keras
import pytest
from tests.thirdparty._run import BATCHES, EPOCHS, fit, with_keras


@pytest.mark.parametrize(
    ("verbose", "batches"),
    # With 2 it sets its hook for batches when an epoch begins.
    [(0, None), (1, BATCHES), (2, BATCHES)],
)
def test_its_bars_reach_the_end(optional, make, verbose, batches):
    def shown(model):
        printed, counted = io.StringIO(), []
        callback = optional("tqdm.keras").TqdmCallback(verbose=verbose, file=printed, mininterval=0)

        def count(epoch, logs):
            counted.append(getattr(callback, "batch_bar", None) and callback.batch_bar.n)

        fit(model, callback, keras.callbacks.LambdaCallback(on_epoch_end=count))
        assert callback.epoch_bar.n == callback.epoch_bar.total == EPOCHS
        assert counted == [batches] * EPOCHS
        return re.findall(r"val_mae=[\d.]+", printed.getvalue())

    found, *of_keras = [shown(each()) for each in with_keras(make)]
    assert found
    assert all(other == found for other in of_keras)
