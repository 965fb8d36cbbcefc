"""What callbax does not have gives an error that says what there is instead."""

import importlib
import sys

import pytest

import callbax as cb
from callbax import keras

MISSING = {
    "layers": ("Bidirectional", "Conv3D", "Rescaling"),
    "metrics": ("Hinge", "LogCoshError", "Poisson"),
    "losses": ("Huber", "KLDivergence", "huber"),
    "optimizers": ("Adamax", "Ftrl", "Lamb"),
    "optimizers.schedules": ("Linear",),
    "activations": ("sparsemax",),
    "initializers": ("STFT",),
    "models": ("model_from_json",),
}
CASES = [
    (base, room, name)
    for base in ("callbax", "callbax.keras")
    for room, names in MISSING.items()
    for name in names
    if base == "callbax" or "." not in room  # the facade's rooms are modules
]


@pytest.mark.parametrize(("base", "room", "name"), CASES)
def test_a_name_that_is_missing_says_what_to_use(monkeypatch, base, room, name):
    if base == "callbax.keras":  # where Keras is installed, the name is Keras's
        monkeypatch.setitem(sys.modules, "keras", None)
    module = importlib.import_module(f"{base}.{room}")
    assert not hasattr(module, name)
    words = rf"(?s)`callbax\.{room}\.{name}`: expected .*received \"{name}\".*(nnx|optax)"
    with pytest.raises(AttributeError, match=words):
        getattr(module, name)
    with pytest.raises(ImportError, match=words):
        exec(f"from {base}.{room} import {name}")


@pytest.mark.parametrize("module", [cb, keras])
@pytest.mark.parametrize("name", ["applied", "operations", "regularisers"])
def test_a_missing_room_says_so(module, name):
    with pytest.raises(AttributeError, match=f"(?s){name}.*Sequential.*nnx"):
        getattr(module, name)


def test_a_misspelt_name_is_set_right():
    with pytest.raises(ImportError, match='Closest: "Dense"'):
        from callbax.layers import Dence  # noqa: F401, PLC0415  what is tried
    with pytest.raises(AttributeError):
        _ = cb.layers.__wrapped__


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()


WAYS = {
    "functional": lambda: keras.Model(1, 2),
    "functional, by name": lambda: keras.Model(inputs=1, outputs=2),
    "subclass": Subclass,
}


@pytest.mark.parametrize("way", WAYS)
def test_other_ways_to_make_a_model_name_the_two_there_are(way):
    with pytest.raises(TypeError, match=r"(?s)expected .* received .*Sequential.*nnx\.Module"):
        WAYS[way]()


@pytest.mark.parametrize(
    "arguments",
    [{"loss": "huber"}, {"loss": "mse", "metrics": ["poisson"]}, {"optimizer": "adamax"}],
)
def test_a_missing_name_in_compile_names_the_alternative(arguments):
    model = cb.Sequential([cb.layers.Dense(1)])
    with pytest.raises(ValueError, match="optax"):
        model.compile(**arguments)
