"""Scripts over loaders of torch and grain, killed at any moment and started again."""

import pytest
from tests.survival import kinds
from tests.survival.lives import faults_of, serving, survive

from callbax.testing._differences import first_difference


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("programs")) as made:
        yield made


@pytest.mark.parametrize("resumable", kinds.RESUMABLE)
@pytest.mark.parametrize("kind", kinds.LOADERS)
def test_a_killed_script_ends_where_the_uninterrupted_one_does(server, tmp_path, kind, resumable):
    for whole, received in survive(server, kind, tmp_path, resumable, kills=2):
        assert first_difference(whole, received) is None
        assert faults_of(received["rows"]) == []
