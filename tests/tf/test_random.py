"""``tf.random``: repeatable, of the right kind, and never frozen into a compiled function."""

import random

import jax
import numpy as np
import pytest

import callbax as tf

DRAWS = {
    "normal": lambda **given: tf.random.normal([2000], **given),
    "truncated_normal": lambda **given: tf.random.truncated_normal([2000], **given),
    "uniform": lambda **given: tf.random.uniform([2000], **given),
    "shuffle": lambda **given: tf.random.shuffle(np.arange(2000), **given),
}


@pytest.mark.parametrize("start", [tf.random.set_seed, tf.keras.utils.set_random_seed])
@pytest.mark.parametrize("draw", DRAWS)
def test_the_same_seed_gives_the_same_numbers(draw, start):
    start(3)
    first = [DRAWS[draw]().tolist() for _ in range(2)]
    assert first[0] != first[1]
    start(3)
    assert [DRAWS[draw]().tolist() for _ in range(2)] == first
    start(4)
    assert DRAWS[draw]().tolist() != first[0]


@pytest.mark.parametrize("draw", DRAWS)
def test_a_seed_of_its_own_is_a_sequence_of_its_own(draw):
    tf.random.set_seed(3)
    alone = [DRAWS[draw](seed=5).tolist() for _ in range(2)]
    assert alone[0] != alone[1]
    tf.random.set_seed(3)
    mixed = []
    for _ in range(2):
        DRAWS[draw]()
        mixed.append(DRAWS[draw](seed=5).tolist())
    assert mixed == alone


def test_a_seed_repeats_weights_and_leaves_numpy_alone():
    def weights():
        tf.random.set_seed(3)
        model = tf.keras.Sequential([tf.keras.layers.Input((3,)), tf.keras.layers.Dense(2)])
        return model.get_weights()[0].tolist()

    np.random.seed(0)
    state = np.random.get_state()[1].tolist()
    assert weights() == weights()
    assert np.random.get_state()[1].tolist() == state
    tf.random.set_seed(9)
    assert random.random() == random.Random(9).random()


def test_the_numbers_are_of_the_right_kind():
    tf.random.set_seed(0)
    normal = np.asarray(tf.random.normal([20000], mean=3.0, stddev=2.0))
    assert normal.mean() == pytest.approx(3, abs=0.1)
    assert normal.std() == pytest.approx(2, abs=0.1)
    cut = np.asarray(tf.random.truncated_normal([20000], 3.0, 2.0))
    assert (cut.min() >= -1, cut.max() <= 7) == (True, True)
    even = np.asarray(tf.random.uniform([20000], -1, 3))
    assert (even.min() >= -1, even.max() < 3) == (True, True)
    assert even.mean() == pytest.approx(1, abs=0.1)
    whole = tf.random.uniform([1000], 2, 5, dtype=tf.int64)
    assert sorted(set(whole.tolist())) == [2, 3, 4]
    assert tf.random.normal([2], dtype=tf.float16).dtype == tf.float16
    rows = np.arange(40).reshape(20, 2)
    mixed = np.asarray(tf.random.shuffle(rows))
    assert sorted(mixed.tolist()) == rows.tolist()
    assert mixed.tolist() != rows.tolist()


@pytest.mark.parametrize("draw", DRAWS)
def test_in_a_compiled_function_it_is_refused(draw):
    with pytest.raises(RuntimeError, match="drawn once and for all"):
        jax.jit(DRAWS[draw])()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tf.random.set_seed("a"), r"random\.set_seed\(seed='a'\)"),
        (lambda: tf.random.set_seed(-1), r"random\.set_seed\(seed=-1\)"),
        (lambda: tf.random.normal([2], seed="a"), r"random\.normal\(seed='a'\)"),
        (lambda: tf.random.uniform([2], dtype=tf.int32), "a `maxval` for whole numbers"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()
