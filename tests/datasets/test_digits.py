"""datasets.digits: scikit-learn's digits, always split alike."""

import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from callbax.datasets import digits


def test_the_split_is_the_documented_one():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    reference = load_digits()
    assert (x_train.shape, x_test.shape) == ((1437, 8, 8), (360, 8, 8))
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), reference.images)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), reference.target)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError) as caught:
        digits.load_data()
    assert str(caught.value) == (
        "`digits.load_data()`: expected scikit-learn, which brings the images, received an "
        'environment without it.\nInstall it: pip install "callbax[demo]".'
    )
