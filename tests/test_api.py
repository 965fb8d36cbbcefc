"""The public names: the folder listing is the API."""

import importlib
import pkgutil

import pytest

import callbax

ROOMS = [name for _, name, _ in pkgutil.iter_modules(callbax.__path__) if not name.startswith("_")]


@pytest.mark.parametrize("room", ROOMS)
def test_all_names_what_there_is_once(room):
    module = importlib.import_module(f"callbax.{room}")
    assert len(module.__all__) == len(set(module.__all__))
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "keras"])
def test_the_facade_has_every_room_with_the_same_objects(room):
    module = importlib.import_module(f"callbax.{room}")
    facade = getattr(callbax.keras, room)
    assert facade.__all__ == module.__all__
    for name in module.__all__:
        assert getattr(facade, name) is getattr(module, name)


def test_the_root_exposes_what_all_says():
    assert set(ROOMS) <= set(callbax.__all__)
    assert callbax.__all__ == sorted(callbax.__all__)
