"""tqdm's Keras callback."""

import io

import pytest
from tests.thirdparty._run import BATCHES, EPOCHS, fit

from callbax.callbacks import LambdaCallback


@pytest.mark.parametrize(
    ("verbose", "batches"),
    # With 2 it sets its hook for batches when an epoch begins.
    [(0, None), (1, BATCHES), (2, BATCHES)],
)
def test_its_bars_reach_the_end(optional, verbose, batches):
    printed, counted = io.StringIO(), []
    callback = optional("tqdm.keras").TqdmCallback(verbose=verbose, file=printed, mininterval=0)

    def count(epoch, logs):
        counted.append(getattr(callback, "batch_bar", None) and callback.batch_bar.n)

    fit(callback, LambdaCallback(on_epoch_end=count))
    assert callback.epoch_bar.n == callback.epoch_bar.total == EPOCHS
    assert "val_mae=" in printed.getvalue()
    assert counted == [batches] * EPOCHS
