"""What a source gives, beside the arrays that it was made from: all numbers, bit for bit."""

import keras
import numpy as np
import pytest

import callbax as cb

ROWS, SIZE, EPOCHS = 22, 8, 3  # the last of three batches has six samples
BATCHES = [slice(first, first + SIZE) for first in range(0, ROWS, SIZE)]


def arrays(seed=0, dtype="float32"):
    """Returns (x, y) with numbers that any dtype holds."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2 if dtype == "bool" else 9, size=(ROWS, 3)).astype(dtype)
    return x, (x.astype("float32").sum(1, keepdims=True) / 8).astype("float32")


class Source:
    """Yields the batches of arrays, as `form` turns their parts into something else.

    Args:
        parts: x, y and perhaps weights.
        form: What makes a part of a batch of an array.
    """

    def __init__(self, *parts, form=np.asarray):
        self.parts, self.form = parts, form

    def __iter__(self):
        for rows in BATCHES:
            yield tuple(self.form(part[rows]) for part in self.parts)


def line(library=cb, inputs=3):
    layers = library.layers
    first = keras.Input((inputs,)) if library is keras else layers.Input((inputs,))
    dense = layers.Dense(1, kernel_initializer="ones")
    model = library.Sequential([first, dense])
    model.compile(library.optimizers.SGD(1e-3, momentum=0.9), "mse", metrics=["mae"])
    return model


def results(make, library=cb, **options):
    """Returns all numbers that fitting, evaluating and predicting give.

    Args:
        make: Returns the data anew: ``(x,)`` of batches, or ``(x, y)`` of arrays.
        library: callbax or Keras.
        options: Further arguments of ``fit``.
    """
    model = line(library)
    rest = {"verbose": 0} if len(make()) == 1 else {"verbose": 0, "batch_size": SIZE}
    data = {"validation_data": make() if len(make()) > 1 else make()[0], "shuffle": False}
    fit = model.fit(*make(), epochs=EPOCHS, **data, **rest, **options).history
    weights = [np.asarray(weight) for weight in model.get_weights()]
    evaluated = model.evaluate(*make(), **rest, return_dict=True)
    return fit, weights, evaluated, model.predict(make()[0], **rest)


def assert_same(make, expected):
    """Compares data with the arrays that they were made from, in every method and when resumed."""
    np.testing.assert_equal(results(make), results(lambda: expected))


def assert_close(make, expected):
    """Compares data in callbax with the arrays in Keras."""
    right, got = results(lambda: expected, keras), results(make)
    for key, values in right[0].items():
        np.testing.assert_allclose(got[0][key], values, rtol=1e-4)
    for a, b in zip(right[1], got[1], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)
    for key, value in right[2].items():
        assert got[2][key] == pytest.approx(value, rel=1e-4)
    np.testing.assert_allclose(got[3], right[3], rtol=1e-4, atol=1e-6)


class Killed(BaseException):
    """Stands for SIGKILL."""


def interrupted(make, directory, after, *, reseeds=True, **fit):
    """Fits, is killed after so many batches, begins anew with new data; None kills nothing.

    The second life has another seed of the order of arrays, as that of the backup counts, unless
    `reseeds` is False: the seed is TensorFlow's too, whose shuffled data sets go by it.
    """
    history, weights = None, None
    for life, kill in enumerate((after, None) if after else (None,)):
        left = [kill]

        def count(batch, logs, left=left):
            if left[0] is not None:
                left[0] -= 1
                if not left[0]:
                    raise Killed

        cb.utils.set_random_seed(5 + life * reseeds)
        model = line()
        backup = cb.callbacks.BackupAndRestore(directory, save_freq=1)
        hooks = [cb.callbacks.LambdaCallback(on_train_batch_end=count), backup]
        rest = {"batch_size": SIZE} if len(make()) > 1 else {}
        options = {"epochs": EPOCHS, "callbacks": hooks, "verbose": 0} | rest | fit
        try:
            history = model.fit(*make(), **options).history
        except Killed:
            continue
        weights = [np.asarray(weight) for weight in model.get_weights()]
    return history, weights


def assert_resumes(make, directory, **fit):
    """Compares runs that were killed in the first epoch, the second, and between two, to a whole.

    Returns:
        The weights that they ended with.
    """
    right = interrupted(make, directory / "whole", None, **fit)
    for after in (2, 3, 5, 7):
        got = interrupted(make, directory / f"after {after}", after, **fit)
        np.testing.assert_equal(got, right, f"killed after {after} batches")
    return right[1]
