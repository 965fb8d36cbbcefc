"""Objects as plain values and back."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import callbax
from callbax import saving

SAME = {
    "layer": lambda k: k.layers.Dense(
        3, "relu", True, k.initializers.HeNormal(seed=1), k.initializers.Zeros(), name="a"
    ),
    "dropout": lambda k: k.layers.Dropout(0.25, seed=3, name="a"),
    "flatten": lambda k: k.layers.Flatten(name="a"),
    "activation": lambda k: k.layers.Activation("gelu", name="a"),
    "initializer": lambda k: k.initializers.TruncatedNormal(0.5, 2.0, seed=1),
    "optimizer": lambda k: k.optimizers.RMSprop(0.25, rho=0.5, clipvalue=1.0, name="a"),
    "schedule": lambda k: k.optimizers.SGD(k.optimizers.schedules.CosineDecay(0.5, 10), name="a"),
    "loss": lambda k: k.losses.BinaryCrossentropy(from_logits=True, reduction="sum"),
    "metric": lambda k: k.metrics.SparseTopKCategoricalAccuracy(2, name="a"),
    "plain": lambda k: {"a": [1, 2.5, None, True, "x"], "b": (1, 2)},
    "number": lambda k: np.float32(0.5),
    "array": lambda k: np.arange(3, dtype="int32"),
}


@pytest.mark.parametrize("name", SAME)
def test_keras_makes_an_equal_object_of_the_values(name):
    values = json.loads(json.dumps(saving.serialize_keras_object(SAME[name](callbax))))
    theirs = keras.saving.deserialize_keras_object(values)
    expected = keras.saving.serialize_keras_object(SAME[name](keras))
    again = keras.saving.serialize_keras_object(theirs)
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(expected))


@pytest.mark.parametrize("name", SAME)
def test_callbax_makes_an_equal_object_of_the_values_of_keras(name):
    values = json.loads(json.dumps(keras.saving.serialize_keras_object(SAME[name](keras))))
    ours = saving.deserialize_keras_object(values)
    expected = saving.serialize_keras_object(SAME[name](callbax))
    assert saving.serialize_keras_object(ours) == expected
    assert saving.deserialize_keras_object(ours) is not None


@pytest.mark.parametrize("room", [keras, callbax], ids=["keras", "callbax"])
def test_registered_names(room):
    @room.saving.register_keras_serializable("names", "Other")
    class Thing:
        def get_config(self):
            return {}

    assert room.saving.get_registered_name(Thing) == "names>Other"
    assert room.saving.get_registered_object("names>Other") is Thing
    assert room.saving.get_custom_objects()["names>Other"] is Thing
    assert room.saving.get_registered_name(dict) == "dict"
    assert room.saving.get_registered_object("names>None") is None
    assert room.saving.get_registered_object("a", {"a": 1}) == 1
    assert room.saving.get_registered_object("a", None, {"a": 2}) == 2
    with pytest.raises(ValueError, match="get_config"):
        room.saving.register_keras_serializable()(type("NoConfig", (), {}))


def test_a_decorator_without_brackets_is_told_so():
    with pytest.raises(TypeError, match="or empty brackets"):
        saving.register_keras_serializable(callbax.layers.Dense)


def test_a_custom_class_by_its_own_name():
    class Doubled(callbax.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    values = saving.serialize_keras_object(Doubled(name="two"))
    assert values["registered_name"] == "Doubled"
    made = saving.deserialize_keras_object(values, {"Doubled": Doubled})
    assert isinstance(made, Doubled)
    assert made.name == "two"
    with pytest.raises(ValueError, match=r'custom_objects=\{"Doubled": \.\.\.\}'):
        saving.deserialize_keras_object(values)


def test_a_class_of_users_may_stand_in_for_one_that_callbax_lacks():
    class Softsign(callbax.layers.Layer):
        pass

    values = keras.saving.serialize_keras_object(keras.layers.LeakyReLU(name="leaky"))
    values["config"].pop("negative_slope")
    made = saving.deserialize_keras_object(values, {"LeakyReLU": Softsign})
    assert isinstance(made, Softsign)


def test_arguments_that_a_custom_class_does_not_take_are_named():
    class Plain(callbax.layers.Layer):
        pass

    values = {"class_name": "Plain", "config": {"units": 3}, "module": "mine"}
    with pytest.raises(ValueError, match=r"expected arguments that Plain takes, received units=3"):
        saving.deserialize_keras_object(values, {"Plain": Plain})
    with pytest.raises(ValueError, match="a class with `from_config` under the name str"):
        saving.deserialize_keras_object(values, {"Plain": str})
    with pytest.raises(ValueError, match="a dict of arguments for Plain"):
        saving.deserialize_keras_object({**values, "config": 3}, {"Plain": Plain})


def test_a_sequential_model_is_made_of_its_own_config():
    layers = callbax.layers
    model = callbax.Sequential([layers.Dense(3), layers.Dropout(0.5)], trainable=False, name="m")
    assert callbax.Sequential.from_config(model.get_config()).get_config() == model.get_config()
    model.build((None, 4))
    config = json.loads(json.dumps(model.get_config()))
    made = callbax.Sequential.from_config(config)
    assert made.built
    assert made.get_config() == model.get_config()
    assert [w.shape for w in made.get_weights()] == [(4, 3), (3,)]


@saving.register_keras_serializable("old_files")
def doubled(x):
    return 2 * x


@saving.register_keras_serializable("old_files", name="renamed")
def halved(x):
    return x / 2


def as_keras_3_6_wrote(name):
    config = {"module": "builtins", "class_name": "function", "config": name}
    return {**config, "registered_name": "function"}


def test_a_registered_function_is_found_by_its_name_alone():
    read = saving.deserialize_keras_object
    assert read(as_keras_3_6_wrote("doubled")) is doubled
    assert read(as_keras_3_6_wrote("renamed")) is halved
    assert read(as_keras_3_6_wrote("mine"), {"package>mine": halved}) is halved
    layer = {"module": "keras.layers", "class_name": "Dense", "registered_name": None}
    layer["config"] = {"units": 1, "activation": as_keras_3_6_wrote("doubled")}
    assert read(layer).activation is doubled
    with pytest.raises(ValueError, match="unheard_of"):
        read(as_keras_3_6_wrote("unheard_of"))
    with pytest.raises(ValueError, match="oubled"):
        read(as_keras_3_6_wrote("oubled"))


@pytest.mark.parametrize(
    ("module", "name"), [("keras.losses", "MeanSquaredError"), ("keras.optimizers", "Adam")]
)
def test_names_are_known_before_their_rooms_are_loaded(module, name):
    described = {"module": module, "class_name": name, "config": {}, "registered_name": None}
    script = (
        "import sys, callbax\n"
        f"made = callbax.saving.deserialize_keras_object({described})\n"
        "print(type(made).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"{name}\n", done.stderr
