"""Wrong arguments are refused where they are passed; NumPy's numbers are as good as Python's."""

import inspect
import json

import jax.numpy as jnp
import numpy as np
import pytest

import callbax as cb
from callbax._core._registry import REGISTRIES
from callbax.optimizers import schedules

KINDS = {
    "loss": cb.losses,
    "metric": cb.metrics,
    "initializer": cb.initializers,
    "optimizer": cb.optimizers,
    "layer": cb.layers,
    "schedule": schedules,
}
NEEDED = {
    "Activation": {"activation": "relu"},
    "AveragePooling1D": {"pool_size": 2},
    "AveragePooling2D": {"pool_size": 2},
    "Conv1D": {"filters": 3, "kernel_size": 2},
    "Conv2D": {"filters": 3, "kernel_size": (2, 3)},
    "Dense": {"units": 3, "input_dim": 2},
    "Embedding": {"input_dim": 5, "output_dim": 3},
    "GRU": {"units": 3},
    "LSTM": {"units": 3},
    "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 3},
    "Reshape": {"target_shape": (2, -1)},
    "Dropout": {"rate": 0.25, "seed": 3, "noise_shape": (None, 1)},
    "Input": {"shape": (3,), "batch_size": 2},
    "ExponentialDecay": {"initial_learning_rate": 0.5, "decay_steps": 10, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.5, "decay_steps": 10, "decay_rate": 0.5},
    "PolynomialDecay": {"initial_learning_rate": 0.5, "decay_steps": 10},
    "CosineDecay": {"initial_learning_rate": 0.5, "decay_steps": 10, "warmup_target": 1.0},
    "CosineDecayRestarts": {"initial_learning_rate": 0.5, "first_decay_steps": 10},
    "PiecewiseConstantDecay": {"boundaries": [5], "values": [0.5, 0.25]},
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 2},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 2},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}


def classes():
    found = []
    for kind in KINDS:
        registry = REGISTRIES[kind]
        once = dict.fromkeys(registry.lookup(name) for name in registry)
        found += [
            pytest.param(entry, id=f"{kind} {entry.__name__}")
            for entry in once
            if isinstance(entry, type)
        ]
    return found


def as_numpy(value):
    """Returns a value with NumPy's numbers in place of Python's."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return np.int64(value)
    if isinstance(value, float):
        return np.float64(value)
    return type(value)(map(as_numpy, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("entry", classes())
def test_numpy_s_numbers_are_as_good_as_python_s(entry):
    needed = NEEDED.get(entry.__name__, {})
    plain = entry(**needed).get_config()
    given = {name: as_numpy(value) for name, value in (plain | needed).items()}
    if "batch_shape" in given:  # The same thing twice; one of them may be passed.
        del given["shape"], given["batch_size"]
    made = entry(**given)
    assert json.loads(json.dumps(made.get_config())) == json.loads(json.dumps(plain))


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: schedules.PolynomialDecay(0.1, "10"), "PolynomialDecay(decay_steps='10')"),
        (lambda: schedules.PolynomialDecay(0.1, 9, power="2"), "PolynomialDecay(power='2')"),
        (lambda: schedules.ExponentialDecay(None, 9, 0.5), "initial_learning_rate=None"),
        (lambda: schedules.InverseTimeDecay(0.1, 9, "a"), "InverseTimeDecay(decay_rate='a')"),
        (lambda: schedules.CosineDecay(0.1, 9, warmup_steps=-1), "CosineDecay(warmup_steps=-1)"),
        (lambda: schedules.CosineDecay(0.1, 9, warmup_target="a"), "warmup_target='a'"),
        (lambda: schedules.CosineDecayRestarts(0.1, 9, t_mul="a"), "t_mul='a'"),
        (lambda: schedules.PiecewiseConstantDecay(1, [1, 2]), "PiecewiseConstantDecay(boundaries="),
        (lambda: schedules.PiecewiseConstantDecay([1], ["a", 2]), "values=..."),
        (lambda: cb.initializers.RandomNormal("a"), "RandomNormal(mean='a')"),
        (lambda: cb.initializers.TruncatedNormal(stddev=None), "TruncatedNormal(stddev=None)"),
        (lambda: cb.initializers.RandomUniform(maxval=True), "RandomUniform(maxval=True)"),
        (lambda: cb.initializers.Orthogonal("a"), "Orthogonal(gain='a')"),
        (lambda: cb.initializers.Identity("a"), "Identity(gain='a')"),
        (lambda: cb.initializers.VarianceScaling("a"), "VarianceScaling(scale=...)"),
        (lambda: cb.initializers.VarianceScaling(distribution=3), "distribution=3"),
        (lambda: cb.losses.BinaryCrossentropy(label_smoothing="a"), "label_smoothing='a'"),
        (lambda: cb.losses.CategoricalCrossentropy(label_smoothing=2), "label_smoothing=2"),
        (lambda: cb.metrics.BinaryCrossentropy(label_smoothing=-1), "label_smoothing=-1"),
        (lambda: cb.metrics.CategoricalCrossentropy(label_smoothing="a"), "label_smoothing='a'"),
        (lambda: cb.metrics.TopKCategoricalAccuracy(k=0), "TopKCategoricalAccuracy(k=0)"),
        (lambda: cb.metrics.SparseTopKCategoricalAccuracy(k=2.5), "(k=2.5)"),
        (lambda: cb.metrics.BinaryAccuracy(threshold="a"), "BinaryAccuracy(threshold='a')"),
        (lambda: cb.metrics.AUC(num_thresholds=1), "AUC(num_thresholds=1)"),
        (lambda: cb.metrics.AUC(curve="LOC"), "AUC(curve='LOC')"),
        (lambda: cb.metrics.AUC(curve=3), "AUC(curve=3)"),
        (lambda: cb.metrics.AUC(summation_method="a"), "AUC(summation_method='a')"),
        (lambda: cb.metrics.AUC(thresholds=[0.5, 2]), "AUC(thresholds=[0.5, 2])"),
        (lambda: cb.metrics.AUC(num_labels=3), "AUC(num_labels=...)"),
        (lambda: cb.metrics.AUC(label_weights=[-1.0]), "AUC(label_weights=...)"),
        (lambda: cb.metrics.Precision("a"), "Precision(thresholds='a')"),
        (lambda: cb.metrics.Precision([]), "Precision(thresholds=[])"),
        (lambda: cb.metrics.Recall(top_k=0), "Recall(top_k=0)"),
        (lambda: cb.metrics.Recall(class_id=-1), "Recall(class_id=-1)"),
        (lambda: cb.metrics.TruePositives([None]), "TruePositives(thresholds=[None])"),
        (lambda: cb.metrics.PrecisionAtRecall(2), "PrecisionAtRecall(recall=2)"),
        (lambda: cb.metrics.RecallAtPrecision(0.5, 0), "(num_thresholds=0)"),
        (lambda: cb.metrics.F1Score("mean"), "F1Score(average='mean')"),
        (lambda: cb.metrics.F1Score(threshold=2), "F1Score(threshold=2)"),
        (lambda: cb.metrics.FBetaScore(beta=0), "FBetaScore(beta=0)"),
        (lambda: cb.metrics.FBetaScore(beta="a"), "FBetaScore(beta='a')"),
        (lambda: cb.metrics.MeanIoU(0), "MeanIoU(num_classes=0)"),
        (lambda: cb.metrics.IoU(2, [2]), "IoU(target_class_ids=[2])"),
        (lambda: cb.metrics.BinaryIoU([]), "BinaryIoU(target_class_ids=[])"),
        (lambda: cb.metrics.BinaryIoU(threshold="a"), "BinaryIoU(threshold='a')"),
        (lambda: cb.metrics.R2Score("mean"), "R2Score(class_aggregation='mean')"),
        (lambda: cb.metrics.R2Score(num_regressors=-1), "R2Score(num_regressors=-1)"),
        (lambda: cb.layers.Input("a"), "Input(shape='a')"),
        (lambda: cb.layers.Input((3,), batch_size=0), "Input(batch_size=0)"),
        (lambda: cb.layers.Dense(2, input_dim="a"), "Dense(input_dim='a')"),
        (lambda: cb.layers.Flatten(input_shape=(2, -1)), "Flatten(input_shape=...)"),
        (lambda: cb.layers.Dropout(0.5, seed="a"), "Dropout(seed='a')"),
        (lambda: cb.layers.Dropout(0.5, noise_shape="a"), "Dropout(noise_shape='a')"),
        (lambda: cb.utils.to_categorical([0, 1], 2.5), "to_categorical(num_classes=2.5)"),
    ],
)
def test_a_wrong_argument_is_refused_where_it_is_passed(call, where):
    with pytest.raises(ValueError, match="expected") as caught:
        call()
    first, action = str(caught.value).split("\n")
    assert where in first
    assert ": expected " in first
    assert ", received " in first
    assert action.endswith(".")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
def test_a_dtype_that_is_asked_for_is_kept(dtype):
    y_true, y_pred = jnp.array([[0.0, 1.0]]), jnp.array([[0.25, 0.75]])
    for entry in (cb.losses.MeanSquaredError, cb.losses.BinaryCrossentropy):
        assert entry(dtype=dtype)(y_true, y_pred).dtype == dtype
    assert cb.metrics.MeanSquaredError(dtype=dtype)(y_true, y_pred).dtype == dtype
    for initializer in (cb.initializers.RandomNormal(np.float32(0)), cb.initializers.Ones()):
        assert initializer((2, 2), dtype).dtype == dtype
    for name in ("relu", "gelu", "softmax", "sigmoid", "elu", "softplus", "linear"):
        assert cb.activations.get(name)(y_pred.astype(dtype)).dtype == dtype


NEEDED_BY_CALLBACKS = {
    "BackupAndRestore": ("run",),
    "CSVLogger": ("run.csv",),
    "Checkpoint": ("run",),
    "LearningRateScheduler": (abs,),
    "ModelCheckpoint": ("best.keras",),
    "OrbaxCheckpoint": ("run",),
    "Trace": ("run.json",),
}
TAKEN_BY_NONE = ("Callback", "CallbackList", "DVCLiveLogger", "History", "LambdaCallback")
"""Callbacks that take no argument, or any."""


def callback_classes():
    found = (getattr(cb.callbacks, name) for name in cb.callbacks.__all__)
    return [
        pytest.param(entry, id=f"callback {entry.__name__}")
        for entry in found
        if isinstance(entry, type)
        and issubclass(entry, cb.callbacks.Callback)
        and entry.__name__ not in TAKEN_BY_NONE
    ]


@pytest.mark.parametrize("entry", classes() + callback_classes())
def test_an_argument_that_is_not_taken_is_named_with_the_public_class(entry):
    place = NEEDED_BY_CALLBACKS.get(entry.__name__, ())
    with pytest.raises(TypeError) as caught:
        entry(*place, **NEEDED.get(entry.__name__, {}), nam="a")
    first, action = str(caught.value).split("\n")
    assert first.startswith(f"`{entry.__name__}(nam=...)`: expected arguments that ")
    assert first.endswith('received "nam".')
    assert '"name"' in action or "name" not in inspect.signature(entry).parameters
