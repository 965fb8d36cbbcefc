"""Arrays that hooks change in place are read as of the start of the call, wherever they lie."""

import numpy as np
import pytest
from tests._data.placed import placed

import callbax as cb
from callbax._data import _adapter

RNG = np.random.default_rng(0)
X = RNG.normal(size=(256, 3)).astype("float32")
DATA = {
    "x": X,
    "y": (X.sum(1, keepdims=True) + RNG.normal(size=(256, 1))).astype("float32"),
    "sample_weight": RNG.uniform(size=256).astype("float32"),
    "validation x": X[:96] + 1,
    "validation y": X[:96].sum(1, keepdims=True),
}
WAYS = {
    "as they lie": {"shuffle": False},
    "shuffled": {"shuffle": True},
    "once": {"shuffle": False, "epochs": 1},
    "step by step": {"shuffle": True, "steps_per_epoch": 4},
    "a part for validation": {"validation_split": 0.25, "validation_data": None},
    "validated within epochs": {"validation_freq": "2 batches"},
}


class Change(cb.callbacks.Callback):
    """Changes arrays in all hooks there are, once each."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def _change(self, *_, **__):
        for array in self.arrays:
            array += 1

    on_train_begin = on_epoch_begin = on_epoch_end = on_test_begin = on_test_batch_end = _change
    on_predict_begin = on_predict_batch_end = _change

    def on_train_batch_end(self, batch, logs=None):
        if batch in (0, 3):
            self._change()


def line():
    model = cb.Sequential([cb.layers.Dense(1, kernel_initializer="ones", input_shape=(3,))], seed=3)
    model.compile(cb.optimizers.SGD(1e-4), "mse")
    return model


def fit(data, callbacks, **way):
    model = line()
    history = model.fit(
        data["x"],
        data["y"],
        sample_weight=data["sample_weight"],
        **{
            "validation_data": (data["validation x"], data["validation y"]),
            "epochs": 3,
            "batch_size": 32,
            "verbose": 0,
            "callbacks": callbacks,
        }
        | way,
    ).history
    return history, model.get_weights()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("way", WAYS)
def test_a_change_does_not_count_in_fit(way, dtype):
    data = {name: (10 * array).astype(dtype) for name, array in DATA.items()}
    right = fit(data, None, **WAYS[way])
    for offset in (0, 8):
        changed = {name: placed(array, offset) for name, array in data.items()}
        got = fit(changed, [Change(*changed.values())], **WAYS[way])
        np.testing.assert_equal(got, right)
        assert not np.array_equal(changed["x"], data["x"]), "the hooks changed nothing"


@pytest.mark.parametrize("offset", [0, 4])
def test_nor_in_evaluate_and_predict(offset):
    def results(changes):
        x, y = (placed(DATA[name], offset) for name in ("x", "y"))
        callbacks = [Change(x, y)] if changes else None
        model = line()
        outputs = model.predict(x, verbose=0, callbacks=callbacks)
        x, y = (placed(DATA[name], offset) for name in ("x", "y"))
        callbacks = [Change(x, y)] if changes else None
        return outputs, model.evaluate(x, y, verbose=0, callbacks=callbacks)

    np.testing.assert_equal(results(True), results(False))


@pytest.mark.parametrize("name", DATA)
def test_arrays_too_large_to_keep_cannot_be_written_to_meanwhile(name, monkeypatch):
    monkeypatch.setattr(_adapter, "RESIDENT_SHARE", 0)
    data = {name: placed(array, 0) for name, array in DATA.items()}
    with pytest.raises(ValueError, match="read-only"):
        fit(data, [Change(data[name])])
    for array in data.values():
        array += 1  # as before
    np.testing.assert_equal(fit(DATA, [Change()]), fit(DATA, None))
