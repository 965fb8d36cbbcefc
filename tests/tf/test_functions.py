"""``import callbax as tf``: functions beside NumPy, with TensorFlow's names and defaults."""

import inspect
import os
import pickle
import subprocess
import sys

import flax.nnx as nnx
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import scipy.special

import callbax as tf
from callbax import _tf

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 5)).astype("float32")
Y = RNG.normal(size=(3, 4, 5)).astype("float32")
WHOLE = RNG.integers(-9, 9, (3, 4, 5)).astype("int32")
TRUTH = X > 0

UNARY = {
    "abs": np.abs,
    "square": np.square,
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sign": np.sign,
    "round": np.round,
    "floor": np.floor,
    "ceil": np.ceil,
    "sigmoid": scipy.special.expit,
    "is_nan": np.isnan,
    "is_finite": np.isfinite,
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
    "identity": np.copy,
    "stop_gradient": np.copy,
}
POSITIVE = {"sqrt": np.sqrt, "log": np.log, "log1p": np.log1p}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
}
REDUCTIONS = {
    "reduce_sum": np.sum,
    "reduce_prod": np.prod,
    "reduce_max": np.max,
    "reduce_min": np.min,
    "reduce_std": np.std,
    "reduce_variance": np.var,
    "reduce_mean": np.mean,
}


def found(name):
    return getattr(tf, name, None) if name in tf.__all__ else getattr(tf.math, name)


def same(ours, theirs):
    assert isinstance(ours, jax.Array)
    assert ours.shape == np.shape(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", [*UNARY, *POSITIVE])
def test_functions_of_each_number(name):
    given = np.abs(X) if name in POSITIVE else X * 3
    same(found(name)(given), (UNARY | POSITIVE)[name](given))
    same(jax.jit(found(name))(given), (UNARY | POSITIVE)[name](given))


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_arrays(name):
    first, second = np.round(X), np.round(Y)[0] + (name == "divide") * 9
    same(found(name)(first, second), BINARY[name](first, second))
    same(found(name)(first, 2), BINARY[name](first, np.float32(2)))
    same(found(name)(x=first.tolist(), y=second.tolist()), BINARY[name](first, second))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, [0, 2], (1,)])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, axis, keepdims):
    over = tuple(axis) if isinstance(axis, list) else axis
    same(found(name)(X, axis, keepdims), REDUCTIONS[name](X, axis=over, keepdims=keepdims))
    if name in ("reduce_max", "reduce_min", "reduce_sum"):
        same(found(name)(WHOLE, axis), REDUCTIONS[name](WHOLE, axis=over))


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_reductions_of_truth_values(axis):
    same(tf.reduce_any(TRUTH, axis), np.any(TRUTH, axis))
    same(tf.reduce_all(TRUTH, axis), np.all(TRUTH, axis))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int8"])
@pytest.mark.parametrize("axis", [None, 0, [0, 1]])
def test_the_mean_of_whole_numbers_is_whole_and_cut(dtype, axis):
    given = RNG.integers(0 if dtype == "uint8" else -100, 100, (7, 5, 3)).astype(dtype)
    mean = tf.reduce_mean(given, axis)
    assert mean.dtype == dtype
    exact = np.mean(given, tuple(axis) if isinstance(axis, list) else axis)
    np.testing.assert_array_equal(mean, np.trunc(exact).astype(dtype))


def test_means_of_large_whole_numbers_are_exact():
    assert int(tf.reduce_mean(np.full(3, 2**24 + 1, "int32"))) == 2**24 + 1


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_places(name, axis):
    same(found(name)(X, axis), getattr(np, name)(X, axis))
    same(found(name)(X), getattr(np, name)(X, 0))
    assert found(name)(X, output_type=tf.int32).dtype == tf.int32
    assert found(name)(X, output_type=tf.uint16).dtype == tf.uint16


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_running_sums(axis, exclusive, reverse):
    expected = np.flip(WHOLE, axis) if reverse else WHOLE
    sums = np.cumsum(expected, axis) - (expected if exclusive else 0)
    same(tf.cumsum(WHOLE, axis, exclusive, reverse), np.flip(sums, axis) if reverse else sums)


@pytest.mark.parametrize("axis", [None, 0, -1, [0, 1]])
@pytest.mark.parametrize("keepdims", [None, True])
def test_norms(axis, keepdims):
    over = tuple(axis) if isinstance(axis, list) else axis
    exact = np.sqrt(np.sum(np.square(X), over, keepdims=bool(keepdims)))
    same(tf.norm(X, axis=axis, keepdims=keepdims), exact)
    if axis is None:
        same(tf.norm(X, 1), np.abs(X).sum())


def test_shapes():
    same(tf.reshape(X, [4, -1]), X.reshape(4, -1))
    same(tf.reshape(X, -1), X.reshape(-1))
    same(tf.transpose(X), X.T)
    same(tf.transpose(X, perm=[1, 0, 2]), X.transpose(1, 0, 2))
    same(tf.expand_dims(X, axis=1), X[:, None])
    same(tf.squeeze(X[:1, :, :1]), X[0, :, 0])
    same(tf.squeeze(X[:1, :, :1], axis=[2]), X[:1, :, 0])
    same(tf.concat([X, Y], axis=1), np.concatenate([X, Y], 1))
    same(tf.stack([X, Y], axis=-1), np.stack([X, Y], -1))
    same(tf.tile(X, [1, 2, 1]), np.tile(X, [1, 2, 1]))
    np.testing.assert_array_equal(tf.shape(X), [3, 4, 5])
    assert (int(tf.size(X)), int(tf.rank(X))) == (60, 3)
    same(tf.matmul(X, Y, transpose_b=True), X @ Y.swapaxes(-1, -2))
    same(tf.matmul(X, Y, transpose_a=True), X.swapaxes(-1, -2) @ Y)
    same(tf.tensordot(X, Y, axes=[[1, 2], [1, 2]]), np.tensordot(X, Y, [[1, 2], [1, 2]]))
    same(tf.pow(np.abs(X), 1.5), np.abs(X) ** 1.5)
    same(tf.clip_by_value(X, -0.5, 0.25), np.clip(X, -0.5, 0.25))
    same(tf.where(TRUTH, X, Y), np.where(TRUTH, X, Y))
    same(tf.where(TRUTH), np.argwhere(TRUTH))
    same(tf.logical_not(TRUTH), ~TRUTH)
    same(tf.logical_and(TRUTH, Y > 0), TRUTH & (Y > 0))
    same(tf.logical_or(TRUTH, Y > 0), TRUTH | (Y > 0))


def test_a_shape_can_be_used_as_one_in_a_compiled_function():
    flat = jax.jit(lambda x: tf.reshape(x, [tf.shape(x)[0], -1]))
    same(flat(X), X.reshape(3, -1))


def test_new_arrays():
    same(tf.zeros([2, 3]), np.zeros((2, 3)))
    same(tf.ones((2,), dtype=tf.int32), np.ones(2))
    same(tf.fill([2, 2], 7), np.full((2, 2), 7))
    same(tf.eye(2, 3), np.eye(2, 3))
    same(tf.eye(2, batch_shape=[4]), np.broadcast_to(np.eye(2), (4, 2, 2)))
    same(tf.range(5), np.arange(5))
    same(tf.range(3, 18, 3), np.arange(3, 18, 3))
    same(tf.range(3, limit=1, delta=-0.5), np.arange(3, 1, -0.5))
    same(tf.one_hot([[0, 2], [1, -1]], 3), keras.ops.one_hot(np.array([[0, 2], [1, -1]]), 3))
    same(tf.one_hot([0, 1], 3, axis=0), np.eye(3)[[0, 1]].T)
    signed = tf.one_hot([1], 2, on_value=1, off_value=-1)
    assert (signed.tolist(), signed.dtype) == ([[-1, 1]], tf.int32)


def test_constants():
    assert tf.constant([1, 2]).dtype == tf.int32
    assert tf.constant([1, 2.5]).dtype == tf.float32
    assert tf.constant(np.float64([1.5])).dtype == tf.float32
    assert tf.constant(True).dtype == tf.bool
    assert tf.constant([1, 2], tf.float16).dtype == tf.float16
    assert tf.constant([1, 2], dtype=tf.int64).dtype == tf.int32
    same(tf.constant([1, 2, 3, 4], shape=[2, 2]), [[1, 2], [3, 4]])
    same(tf.constant(0.5, shape=(2,)), [0.5, 0.5])
    assert tf.convert_to_tensor([1.5], dtype_hint=tf.int32).dtype == tf.float32
    assert tf.convert_to_tensor([1.0], dtype_hint=tf.int32).dtype == tf.int32
    same(tf.convert_to_tensor(nnx.Param(jnp.ones(2))), [1, 1])
    same(tf.convert_to_tensor([jnp.ones(2), jnp.zeros(2)]), [[1, 1], [0, 0]])
    assert isinstance(tf.constant(1), tf.Tensor)
    same(tf.cast([1.9, -1.9], tf.int32), [1, -1])
    same(tf.cast(TRUTH, tf.float32), TRUTH.astype("float32"))
    assert tf.cast([1], tf.int64).dtype == tf.int32


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tf.constant("text"), TypeError, r"`constant\(\.\.\.\)`: expected numbers"),
        (lambda: tf.constant(2**40), ValueError, "whole numbers that fit the dtype int32"),
        (lambda: tf.constant(np.array([2**31])), ValueError, "whole numbers that fit"),
        (lambda: tf.constant(1.5, tf.int32), ValueError, "whole numbers that fit the dtype int32"),
        (lambda: tf.constant(300, tf.uint8), ValueError, "that fit the dtype uint8"),
        (lambda: tf.constant([1, 2, 3], shape=[2]), ValueError, r"expected a shape of 3 numbers"),
        (lambda: tf.reduce_mean(TRUTH), TypeError, r"expected numbers, received"),
        (lambda: tf.where(TRUTH, X), ValueError, "expected both `x` and `y`, or neither"),
        (lambda: tf.one_hot([1], 2.5), ValueError, r"one_hot\(depth=2\.5\)"),
    ],
)
def test_what_would_give_other_numbers_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("name", [name for name in _tf.__all__ if name != "Tensor"])
def test_they_have_tensorflow_s_last_argument(name):
    entry = getattr(tf, name)
    if callable(entry):
        assert list(inspect.signature(entry).parameters)[-1] == "name"
        assert entry.__name__ == name
        assert entry.__doc__
        assert pickle.loads(pickle.dumps(entry)) is entry


@pytest.mark.parametrize(
    "name", ["data", "function", "GradientTape", "Variable", "config", "train"]
)
def test_what_is_not_there_says_what_to_use(name):
    with pytest.raises(AttributeError, match=rf"(?s)`callbax\.{name}`: expected .* received"):
        getattr(tf, name)
    with pytest.raises(ImportError, match="expected a name that callbax has"):
        exec(f"from callbax import {name}")


def test_data_names_what_fit_takes():
    with pytest.raises(AttributeError, match="PyDataset"):
        _ = tf.data.Dataset
    with pytest.raises(AttributeError, match=r"layers\.Dropout"):
        tf.nn.dropout([1.0], 0.5)
    with pytest.raises(AttributeError, match=r"jax\.nn"):
        _ = tf.nn.conv2d
    with pytest.raises(AttributeError, match=r"jax\.random"):
        _ = tf.random.gamma
    with pytest.raises(AttributeError, match=r"jax\.numpy"):
        _ = tf.math.bincount


def test_the_version_is_that_of_the_package():
    assert isinstance(tf.__version__, str)
    assert tf.__version__


def test_importing_it_starts_nothing():
    code = "import callbax, jax; assert not jax._src.xla_bridge._backends, 'a device was opened'"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
