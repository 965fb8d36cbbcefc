"""What every entry of every registry promises."""

import doctest
import inspect
import json
import pickle

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import callbax as cb
from callbax._core._naming import auto_name
from callbax._core._registry import REGISTRIES, Registry
from callbax.losses import _lookup as losses
from callbax.metrics import _lookup as metrics

ROOMS = {
    "loss": cb.losses,
    "metric": cb.metrics,
    "activation": cb.activations,
    "initializer": cb.initializers,
    "optimizer": cb.optimizers,
    "layer": cb.layers,
    "schedule": cb.optimizers.schedules,
}
KERAS = {
    "loss": keras.losses,
    "metric": keras.metrics,
    "initializer": keras.initializers,
    "optimizer": keras.optimizers,
    "layer": keras.layers,
    "schedule": keras.optimizers.schedules,
}
ARGUMENTS = {
    "Dense": {"units": 3},
    "Dropout": {"rate": 0.25},
    "Activation": {"activation": "relu"},
    "AveragePooling1D": {"pool_size": 2},
    "AveragePooling2D": {"pool_size": 2},
    "Conv1D": {"filters": 3, "kernel_size": 2},
    "Conv2D": {"filters": 3, "kernel_size": 2},
    "Embedding": {"input_dim": 5, "output_dim": 3},
    "GRU": {"units": 3},
    "LSTM": {"units": 3},
    "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 3},
    "Reshape": {"target_shape": (2, 1)},
    "Input": {"shape": (3,)},
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": 10},
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 10},
    "PiecewiseConstantDecay": {"boundaries": [5], "values": [0.1, 0.01]},
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 2},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 2},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
"""What an entry cannot be made without."""
SEQUENCE, IMAGE = jnp.ones((2, 6, 3)), jnp.ones((2, 6, 6, 3))
INPUTS = {
    "Embedding": jnp.ones((2, 4), jnp.int32),
    **dict.fromkeys(("Conv1D", "GRU", "LSTM", "Permute", "ZeroPadding1D"), SEQUENCE),
    **dict.fromkeys(("Conv2D", "ZeroPadding2D"), IMAGE),
    **{
        f"{glob}{kind}Pooling{rank}D": (SEQUENCE, IMAGE)[rank - 1]
        for glob in ("", "Global")
        for kind in ("Max", "Average")
        for rank in (1, 2)
    },
}
"""What a layer is called on, if it is not a batch of vectors."""
OTHER_SIGNATURES = {
    "Dense": "regularizers, constraints, LoRA and quantization are Keras's adapter's",
    "Dropout": "Keras takes what is common to all layers as **kwargs",
    "Activation": "likewise",
    "Flatten": "likewise",
    **dict.fromkeys(
        ("Conv1D", "Conv2D", "Embedding", "GRU", "LSTM"),
        "what is left out makes the layer Keras's",
    ),
    **dict.fromkeys(("BatchNormalization", "LayerNormalization"), "likewise"),
    "Input": "sparse, ragged and optional inputs are Keras's adapter's",
}
"""Entry -> why its constructor differs from Keras's."""


def entries():
    """Returns (kind, entry) of every class and function, once."""
    found = []
    for kind in ROOMS:
        registry = REGISTRIES[kind]
        once = dict.fromkeys(registry.lookup(name) for name in registry)
        found += [pytest.param(kind, entry, id=f"{kind} {entry.__name__}") for entry in once]
    return found


def classes():
    return [case for case in entries() if isinstance(case.values[1], type)]


def make(entry):
    return entry(**ARGUMENTS.get(entry.__name__, {}))


def answer(kind, made):
    """Returns numbers that a thing of this kind gives."""
    y_true, y_pred = jnp.array([[0.0, 1.0], [1.0, 0.0]]), jnp.array([[0.25, 0.75], [0.5, 0.5]])
    if kind in ("loss", "metric"):
        labels = jnp.array([1, 0]) if "Sparse" in type(made).__name__ else y_true
        return made(labels, y_pred)
    if kind == "initializer":
        return made((4, 4)) if made.get_config().get("seed", 0) is not None else made((4, 4)).shape
    if kind == "schedule":
        return jnp.stack([made(step) for step in range(20)])
    if kind == "optimizer":
        params = {"w": y_true}
        return made.update({"w": y_pred}, made.init(params), params, learning_rate=0.1, step=0)[0][
            "w"
        ]
    return made(INPUTS.get(type(made).__name__, y_pred)).shape


@pytest.mark.parametrize(("kind", "entry"), classes())
def test_a_config_leads_back(kind, entry):
    made = make(entry)
    config = made.get_config()
    again = entry.from_config(json.loads(json.dumps(config)))
    assert json.dumps(again.get_config()) == json.dumps(config)
    np.testing.assert_array_equal(answer(kind, again), answer(kind, made))


@pytest.mark.parametrize(("kind", "entry"), [c for c in classes() if c.values[0] != "layer"])
def test_a_pickle_is_the_same(kind, entry):
    made = make(entry)
    again = pickle.loads(pickle.dumps(made))
    assert again.get_config() == made.get_config()
    np.testing.assert_array_equal(answer(kind, again), answer(kind, made))


@pytest.mark.parametrize(("kind", "entry"), classes())
def test_float32_stays_float32(kind, entry):
    result = answer(kind, make(entry))
    if not isinstance(result, tuple):
        assert result.dtype == jnp.float32


@pytest.mark.parametrize(("kind", "entry"), [c for c in classes() if c.values[0] in KERAS])
def test_a_constructor_is_keras_s(kind, entry):
    def listed(cls):
        parameters = inspect.signature(cls).parameters.values()
        return [(p.name, p.default) for p in parameters if p.name != "loss_scale_factor"]

    theirs, ours = listed(getattr(KERAS[kind], entry.__name__)), listed(entry)
    if entry.__name__ in OTHER_SIGNATURES:
        assert ours != theirs, "the list of differences is out of date"
        return
    assert ours == theirs


@pytest.mark.parametrize(("kind", "entry"), entries())
def test_a_docstring_has_an_example_that_runs(kind, entry):
    module = inspect.getmodule(entry)
    found = doctest.DocTestFinder(recurse=False).find(entry, globs=dict(vars(module)))
    assert [example for test in found for example in test.examples], "no example"


@pytest.mark.parametrize(("kind", "entry"), entries())
def test_a_name_finds_it(kind, entry):
    registry = REGISTRIES[kind]
    names = [name for name in registry if registry.lookup(name) is entry]
    assert entry.__name__.lower() in names


def test_a_second_entry_of_one_name_is_refused():
    registry = Registry("thing", alternatives="nothing")
    try:
        registry.register("short")(type("First", (), {}))
        with pytest.raises(ValueError, match='a second one for "short"'):
            registry.register("short")(type("Second", (), {}))
    finally:
        del REGISTRIES["thing"]


@pytest.mark.parametrize("check", [losses.check, metrics.check])
def test_asking_whether_a_name_is_legal_makes_nothing(check):
    cb.backend.clear_session(free_memory=False)

    class Counted(cb.metrics.Mean, cb.losses.Loss):
        made = 0

        def __init__(self):
            type(self).made += 1

    for identifier in (Counted, "mse", {"class_name": "mse"}, pow):
        check(identifier)
    assert Counted.made == 0
    assert auto_name("Counted") == "counted", "no name was used up"
    for wrong, error in (("mze", ValueError), (3, TypeError)):
        with pytest.raises(error):
            check(wrong)
