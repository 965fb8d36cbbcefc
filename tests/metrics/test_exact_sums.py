"""Means over so many batches that single numbers lose them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from callbax import metrics
from callbax.metrics._sum import ExactSum


@pytest.mark.parametrize(
    ("steps", "size"), [(300_000, 32), (2**24 + 2**20, 1), (100_000, 1000)], ids=str
)
@pytest.mark.parametrize("value", [0.1, 1 / 3])
def test_a_mean_keeps_its_precision(steps, size, value):
    metric = metrics.Mean()

    @jax.jit
    def state():
        batch = jnp.full((size,), value)
        start = metric.empty()
        return jax.lax.fori_loop(0, steps, lambda _, state: metric.update(state, batch), start)

    mean = state()
    assert float(metric.compute(mean)) == pytest.approx(value, rel=1e-6)
    _, count = mean.sums.high.tolist()
    _, missed = mean.sums.low.tolist()
    assert int(count) + int(missed) == steps * size


def test_counts_beyond_2_to_the_24_are_exact():
    total = ExactSum.empty()
    for number in (2**24, 1, 1, 1, 2**30, 1):
        total = jax.jit(ExactSum.add)(total, number)
    assert int(total.high) + int(total.low) == 2**24 + 2**30 + 4


def test_one_step_at_a_time_is_the_loop_to_the_bit():
    numbers = np.random.default_rng(0).uniform(0, 3, 500).astype("float32")
    step = jax.jit(ExactSum.add)
    one_by_one = ExactSum.empty()
    for number in numbers:
        one_by_one = step(one_by_one, number)
    looped, _ = jax.jit(
        lambda start: jax.lax.scan(lambda s, x: (s.add(x), None), start, jnp.asarray(numbers))
    )(ExactSum.empty())
    assert (float(looped.high), float(looped.low)) == (
        float(one_by_one.high),
        float(one_by_one.low),
    )
    exact = numbers.astype("float64").sum()
    assert float(looped.high) + float(looped.low) == pytest.approx(exact, rel=1e-13)


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_shown_as_it_is(odd):
    total = ExactSum.empty().add(1.0).add(odd).add(2.0)
    np.testing.assert_equal(float(total.value()), odd)
