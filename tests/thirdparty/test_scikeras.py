"""SciKeras's estimators, with models of callbax's and with Keras's, trained by callbax."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from tests.thirdparty._run import X, Y, native, plain

from callbax import keras_training

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


def of_callbax(learning_rate):
    return native(learning_rate)


def of_keras(learning_rate):
    return plain(learning_rate)


@pytest.mark.parametrize("make", [of_callbax, of_keras])
def test_a_search(optional, make):
    wrappers = optional("scikeras.wrappers")
    keras_training.take_over()
    try:
        estimator = wrappers.KerasRegressor(model=make, learning_rate=0.1, epochs=3, verbose=0)
        search = GridSearchCV(estimator, {"learning_rate": [1e-5, 0.05]}, cv=2)
        search.fit(X, Y[:, 0])
    finally:
        keras_training.give_back()
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))
    assert search.best_params_ == {"learning_rate": 0.05}
    assert np.shape(search.predict(X)) == (len(X),)
