"""Scripts in real processes, killed at any moment and started again, end where they would have.

``CALLBAX_SURVIVAL_KILLS`` says how many kills there are in all; ``make survival`` has 300.
"""

import pytest
from tests.survival import kinds
from tests.survival.lives import faults_of, serving, survive

from callbax.testing._differences import first_difference


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("programs")) as made:
        yield made


@pytest.mark.parametrize("resumable", kinds.RESUMABLE)
@pytest.mark.parametrize("kind", list(kinds.KINDS))
def test_a_killed_script_ends_where_the_uninterrupted_one_does(server, tmp_path, kind, resumable):
    for whole, received in survive(server, kind, tmp_path, resumable):
        assert first_difference(whole, received) is None
        if received["rows"] and "split" not in kind:
            assert faults_of(received["rows"]) == []


def test_kills_come_in_the_middle_of_writes_too(server, tmp_path):
    before = server.in_writes
    ends = survive(server, "arrays", tmp_path, "resume", kills=6, ways=("write",))
    assert all(first_difference(*end) is None for end in ends)
    assert server.in_writes > before


def test_a_callback_that_forgets_is_found(server, tmp_path):
    ends = survive(server, "a callback that forgets", tmp_path, kills=2, ways=("batch",))
    assert all(first_difference(*end) is not None for end in ends)


def test_a_source_that_cannot_be_replayed_is_refused(server, tmp_path):
    kind = "a source that cannot be replayed"
    assert server.live(kind, tmp_path, "resume", "batch", (1, 2), 0) == -9
    assert server.live(kind, tmp_path, "resume") == 1
