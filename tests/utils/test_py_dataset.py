"""utils.PyDataset, in fit beside Keras's own."""

import keras
import numpy as np
import pytest

import callbax as cb

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def dataset(lib, **methods):
    class Rows(lib.utils.PyDataset):
        calls = ()

        def __len__(self):
            return 3

        def __getitem__(self, index):
            rows = slice(index * 8, index * 8 + 8)
            return X[rows], Y[rows]

        def on_epoch_end(self):
            self.calls += ("end",)

    return type("Rows", (Rows,), methods)()


def history(lib, **methods):
    keras.utils.set_random_seed(0)
    model = lib.Sequential([lib.layers.Dense(1)])
    model.compile("sgd", "mse")
    rows = dataset(lib, **methods)
    # Keras would take the batches in another order, which callbax leaves to the data.
    data = {"validation_data": dataset(lib), "shuffle": False}
    fitted = model.fit(rows, epochs=3, verbose=0, **data).history
    return fitted, rows.calls, model.predict(dataset(lib), verbose=0)


def test_fit_and_predict_take_it_as_keras_takes_its_own():
    (ours, calls, predicted), (theirs, their_calls, their_predicted) = map(history, (cb, keras))
    for key, values in theirs.items():
        np.testing.assert_allclose(ours[key], values, rtol=1e-5, err_msg=key)
    assert calls == their_calls
    np.testing.assert_allclose(predicted, their_predicted, rtol=1e-5)


def test_an_endless_one_is_cut_by_steps():
    class Endless(cb.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return X[:8] + index, Y[:8]

    model = cb.Sequential([cb.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert len(model.fit(Endless(), steps_per_epoch=4, epochs=2, verbose=0).history["loss"]) == 2


def test_the_constructor_need_not_be_called():
    class Own(cb.utils.PyDataset):
        def __init__(self):
            self.size = 2

        def __len__(self):
            return self.size

        def __getitem__(self, index):
            return index

    assert list(Own()) == [0, 1]
    assert (Own().workers, Own().use_multiprocessing, Own().max_queue_size) == (1, False, 10)
    assert cb.utils.Sequence is cb.utils.PyDataset


def test_what_is_not_overridden_is_named():
    with pytest.raises(NotImplementedError, match=r"overrides `__len__\(self\)`"):
        _ = cb.utils.PyDataset().num_batches
    with pytest.raises(NotImplementedError, match=r"overrides `__getitem__\(self, index\)`"):
        cb.utils.PyDataset()[0]
    with pytest.raises(ValueError, match=r"PyDataset\(workers='a'\)"):
        cb.utils.PyDataset(workers="a")
