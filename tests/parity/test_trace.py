"""The comparison itself: what it must notice, and that it says where."""

import numpy as np
import pytest
from tests.parity._run import without_batch_and_size
from tests.parity._trace import Event, assert_same_trace

BEGIN = Event("on_epoch_begin", (0, {}))
END = Event("on_train_batch_end", (1,), {"logs": {"loss": 0.5, "mae": 0.25}})
OUTPUT = Event("predict returned", (np.ones((2, 1), "float32"),))


def test_equal_traces_pass_within_the_tolerance():
    close = Event(END.name, END.args, {"logs": {"loss": 0.500001, "mae": 0.25}})
    assert_same_trace([BEGIN, END, OUTPUT], [BEGIN, close, OUTPUT])
    assert_same_trace([], [])


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (Event(END.name, (1,), {"logs": {"loss": 0.501, "mae": 0.25}}), "0.5 became 0.501"),
        (Event(END.name, (1,), {"logs": {"mae": 0.25, "loss": 0.5}}), "keys"),
        (Event(END.name, (1,), {"logs": {"loss": 0.5}}), "keys"),
        (Event(END.name, (2,), END.kwargs), "1 became 2"),
        (Event(END.name, (1, END.kwargs["logs"])), "position or keyword"),
        (Event("on_test_batch_end", (1,), END.kwargs), "became on_test_batch_end"),
        (
            Event(END.name, (1,), {"logs": {"loss": np.float32(0.5), "mae": 0.25}}),
            "type float became float32",
        ),
        (Event(END.name, (1,), {"logs": None}), "type dict became NoneType"),
    ],
)
def test_every_kind_of_difference_is_noticed(ours, words):
    with pytest.raises(AssertionError, match="event 1") as failure:
        assert_same_trace([BEGIN, END, OUTPUT], [BEGIN, ours, OUTPUT])
    assert words in str(failure.value)
    assert f"both       0  {BEGIN}" in str(failure.value)
    assert f"> callbax    1  {ours}" in str(failure.value)


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (np.ones((2, 1), "float64"), "float32[2, 1] became float64[2, 1]"),
        (np.ones((2,), "float32"), "float32[2, 1] became float32[2]"),
        (np.full((2, 1), 1.001, "float32"), "differ by up to 0.001"),
    ],
)
def test_arrays_are_compared_by_dtype_shape_and_value(ours, words):
    with pytest.raises(AssertionError) as failure:
        assert_same_trace([OUTPUT], [Event(OUTPUT.name, (ours,))])
    assert words in str(failure.value)


@pytest.mark.parametrize("pair", [([BEGIN, END], [BEGIN]), ([BEGIN], [BEGIN, END])])
def test_a_shorter_trace_is_noticed(pair):
    with pytest.raises(AssertionError, match="one trace ends here"):
        assert_same_trace(*pair)


@pytest.mark.parametrize(
    ("logs", "left"),
    [
        ({"batch": 3, "size": 4}, {}),
        ({}, {}),
        ({"batch": 2, "size": 4}, {"batch": 2, "size": 4}),
        ({"batch": 3}, {"batch": 3}),
        ({"batch": 3, "size": 4, "loss": 0.5}, {"batch": 3, "size": 4, "loss": 0.5}),
        ({"batch": 3, "size": 0}, {"batch": 3, "size": 0}),
    ],
)
def test_only_batch_and_size_are_taken_away(logs, left):
    event = Event("on_train_batch_begin", (3,), {"logs": logs})
    assert without_batch_and_size([event]) == [Event(event.name, event.args, {"logs": left})]
    other = Event("on_train_batch_end", (3,), {"logs": logs})
    assert without_batch_and_size([other]) == [other]
