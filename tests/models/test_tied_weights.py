"""A weight that a module holds in several places is one weight, wherever weights are listed."""

import numpy as np
import pytest
from flax import nnx

import callbax as cb

TOKENS = np.arange(8)


class Tied(nnx.Module):
    def __init__(self, rngs):
        self.embed = nnx.Embed(10, 4, rngs=rngs)
        self.out = self.embed.embedding
        self.again = nnx.List([self.embed])

    def __call__(self, x):
        return self.again[0](x) @ self.out[...].T


def tied(seed=0):
    model = cb.Model(Tied(nnx.Rngs(seed)))
    model.compile("adam", cb.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def fit(model, **options):
    return model.fit(TOKENS, TOKENS, batch_size=4, shuffle=False, verbose=0, **options)


def test_it_comes_once_and_can_be_set():
    model, other = tied(0), tied(1)
    assert [weight.shape for weight in model.get_weights()] == [(10, 4)]
    assert model.count_params() == 40
    fit(model)
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.module.embed.embedding[...], other.module.out[...])
    np.testing.assert_array_equal(
        other.predict(TOKENS, verbose=0), model.predict(TOKENS, verbose=0)
    )


@pytest.mark.parametrize("name", ["a.weights.h5", "a.safetensors"])
def test_files_hold_it_once(tmp_path, name):
    model, other = tied(0), tied(1)
    fit(model)
    model.save_weights(tmp_path / name)
    other.load_weights(tmp_path / name)
    np.testing.assert_array_equal(*model.get_weights(), *other.get_weights())


def test_callbacks_that_keep_weights_take_it(tmp_path):
    model = tied()
    stopping = cb.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)
    checkpoint = cb.callbacks.ModelCheckpoint(tmp_path / "c.weights.h5", save_weights_only=True)
    fit(model, epochs=2, callbacks=[stopping, checkpoint])
    other = tied(1)
    other.load_weights(tmp_path / "c.weights.h5")
    np.testing.assert_array_equal(*model.get_weights(), *other.get_weights())


def test_a_killed_run_ends_likewise(tmp_path):
    class Killed(Exception):
        pass

    def kill(epoch, logs):
        if epoch == 1:
            raise Killed

    whole, killed, again = tied(), tied(), tied()
    fit(whole, epochs=4)
    backup = cb.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(Killed):
        fit(
            killed,
            epochs=4,
            callbacks=[cb.callbacks.LambdaCallback(on_epoch_begin=kill), backup],
        )
    fit(again, epochs=4, callbacks=[cb.callbacks.BackupAndRestore(tmp_path)])
    np.testing.assert_array_equal(*whole.get_weights(), *again.get_weights())
