"""The public names: the folder listing is the API."""

import importlib
import pkgutil

import pytest

import callbax
from callbax import _tf

PUBLIC = [name for _, name, _ in pkgutil.iter_modules(callbax.__path__) if name[0] != "_"]
ROOMS = [name for name in PUBLIC if name != "keras_training"]  # importing it changes Keras
BESIDE = {"math", "nn", "random", "testing"}  # rooms that Keras does not have


@pytest.mark.parametrize("room", ROOMS)
def test_all_names_what_there_is_once(room):
    module = importlib.import_module(f"callbax.{room}")
    assert len(module.__all__) == len(set(module.__all__))
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("room", sorted({*ROOMS} - {"keras", *BESIDE}))
def test_the_facade_has_every_room_with_the_same_objects(room):
    module = importlib.import_module(f"callbax.{room}")
    facade = getattr(callbax.keras, room)
    assert facade.__all__ == module.__all__
    for name in module.__all__:
        theirs, ours = getattr(facade, name), getattr(module, name)
        # A room in a room has a facade too, once somebody has imported that.
        assert theirs is ours or theirs.__all__ == ours.__all__


def test_the_root_exposes_what_all_says():
    assert set(ROOMS) <= set(callbax.__all__)
    own = callbax.__all__[: -len(_tf.__all__)]
    assert own == sorted(own)
    assert callbax.__all__ == [*own, *_tf.__all__]
    assert len(callbax.__all__) == len(set(callbax.__all__))
    assert all(hasattr(callbax, name) for name in callbax.__all__)


def test_schedules_can_be_imported_from_where_keras_has_them():
    theirs = importlib.import_module("keras.optimizers.schedules")
    ours = importlib.import_module("callbax.keras.optimizers.schedules")
    rooms = callbax.optimizers.schedules
    assert "ExponentialDecay" in theirs.__dict__
    assert all(getattr(ours, name) is getattr(rooms, name) for name in rooms.__all__)
