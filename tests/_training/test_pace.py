"""How long executions are, and how much of them hooks that touch the state make void."""

import itertools
import random

import jax
import pytest

from callbax._data._placement import OneDevice
from callbax._training._compile import Programs
from callbax._training._pace import Pace, StepTime, check_steps_per_execution
from callbax._training._step import Step

EPOCH = 938
STEP_SECONDS = 30e-6


def void(is_touched, epochs, *, writes, every=None):
    """Runs through epochs, as the timeline does: one execution ahead of the hooks.

    Returns:
        For each epoch, how many steps were replayed or thrown away.
    """
    pace, lost, cursor = Pace("auto", StepTime(), every=every), [0] * epochs, 0
    for epoch in range(epochs):
        pace.epoch_started(cursor)
        start, end = cursor, cursor + EPOCH

        def execution(begins, end=end):
            return begins, begins + min(pace.length(begins), 256, end - begins)

        ahead = None
        while cursor < end:
            begins, ends = ahead or execution(cursor)
            ahead = execution(ends) if ends < end and pace.may_run_ahead(ends) else None
            known = begins
            pace.ran(ends - begins, (ends - begins) * STEP_SECONDS, at_most=False)
            while cursor < ends:
                cursor += 1
                if is_touched(cursor - start - 1):
                    beyond = ahead[1] - ahead[0] if ahead else 0
                    replayed = cursor - known if cursor < ends else 0
                    wasted = ends - cursor + beyond if writes else replayed
                    pace.touched(cursor, wasted=wasted, writes=writes)
                    lost[epoch] += wasted
                    known = cursor
                    if writes:
                        ahead = None
                        break
    return lost


@pytest.mark.parametrize("writes", [False, True], ids=["reads", "writes"])
@pytest.mark.parametrize(
    "is_touched",
    [
        pytest.param(lambda batch: batch % 100 == 99, id="after every 100"),
        pytest.param(lambda batch: batch % 50 == 0, id="at every 50th"),
        pytest.param(lambda batch: batch == 400, id="once"),
        pytest.param(lambda batch: batch % 100 == 99 or batch == EPOCH - 1, id="and at the end"),
        pytest.param(lambda batch: True, id="always"),
    ],
)
def test_regular_hooks_are_foreseen_from_the_second_epoch_on(is_touched, writes):
    first, *later = void(is_touched, epochs=4, writes=writes)
    assert first <= 512
    assert later == [0, 0, 0]


def counted(every):
    """Touches after every n batches of the run, whatever the epoch."""
    seen = itertools.count(1)
    return lambda batch: next(seen) % every == 0


@pytest.mark.parametrize("every", [100, 300])
def test_what_counts_on_from_epoch_to_epoch_is_foreseen(every):
    first, *later = void(counted(every), epochs=5, writes=False)
    assert first > 0
    assert later == [0, 0, 0, 0]


def test_what_is_known_beforehand_is_foreseen_from_the_first_time_on():
    assert void(counted(100), epochs=4, writes=False, every=100) == [0, 0, 0, 0]


@pytest.mark.parametrize("writes", [False, True], ids=["reads", "writes"])
def test_irregular_hooks_make_executions_short(writes):
    dice = random.Random(0)
    lost = void(lambda batch: dice.random() < 0.02, epochs=6, writes=writes)
    assert sum(lost) < 6 * EPOCH, "without a limit it is three times as many for hooks that write"


@pytest.mark.parametrize("value", [1, 7])
def test_an_integer_is_kept_to(value):
    pace = Pace(check_steps_per_execution(value), StepTime())
    pace.touched(3, wasted=2, writes=True)
    assert [pace.length(step) for step in range(3)] == [value] * 3


def test_a_run_starts_as_long_as_the_last_one_with_these_batches_was():
    programs = Programs(Step(None, (), (), ()), OneDevice())
    shape = jax.ShapeDtypeStruct((64, 784), "float32")
    first = Pace("auto", programs.step_time((shape, None)))
    lengths = []
    for _ in range(4):
        lengths.append(first.length(0))
        first.ran(lengths[-1], lengths[-1] * STEP_SECONDS, at_most=False)
    assert lengths == [1, 8, 64, 512]
    assert Pace("auto", programs.step_time((shape, None))).length(0) > 512
    other = jax.ShapeDtypeStruct((32, 784), "float32")
    assert Pace("auto", programs.step_time((other, None))).length(0) == 1
