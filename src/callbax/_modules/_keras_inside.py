"""All that callbax uses of Keras beside its public names, in one place.

Keras is imported by its user, never by callbax: whoever hands over a Keras object has it loaded.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from callbax._core._keras import loaded_keras
from callbax._core._types import PyTree

VALUE = "_value"
"""Attribute in which a variable keeps its array."""


def loaded() -> Any:
    """Returns the package ``keras`` if it was imported; None if not."""
    return loaded_keras()


def takes_training(model: Any) -> bool:
    """Returns whether a model's ``call`` has an argument `training`."""
    return bool(model._call_has_training_arg)  # noqa: SLF001


def mask_of(output: Any) -> Any:
    """Returns the mask that layers left on an array; None if they left none."""
    return sys.modules["keras.src.backend"].get_keras_mask(output)


def is_built(model: Any) -> bool:
    """Returns whether all layers of a model have their weights."""
    return all(layer.built for layer in model._flatten_layers())  # noqa: SLF001


def build(model: Any, x: PyTree) -> None:
    """Makes the weights of a model for inputs, Keras's symbolic tensors, without computing."""
    sys.modules["keras.src.backend"].compute_output_spec(model, x, training=False)


def build_all(model: Any, batch: tuple[Any, ...]) -> None:
    """Makes what training needs: weights, and variables of metrics, losses and optimizer.

    Args:
        model: A compiled model.
        batch: ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``: shapes and dtypes.
    """
    model._symbolic_build(data_batch=batch)  # noqa: SLF001


def compilation(model: Any) -> tuple[Any, ...]:
    """Returns the objects that ``compile`` makes, the same ones until it is called again."""
    names = ("optimizer", "_compile_loss", "_compile_metrics", "_loss_tracker")
    return tuple(getattr(model, name, None) for name in names)


def trainer_class() -> Any:
    """Returns the class from which Keras's models have `fit`, `evaluate` and `predict`."""
    if (module := sys.modules.get("keras.src.backend.jax.trainer")) is not None:
        return module.JAXTrainer
    keras: Any = loaded()
    return keras.Model


def makes_own_functions(model: Any) -> bool:
    """Returns whether a model's class compiles its steps by itself."""
    names = ("make_train_function", "make_test_function", "make_predict_function")
    return any(getattr(type(model), name) is not getattr(trainer_class(), name) for name in names)


def uncompilable(model: Any) -> list[str]:
    """Returns the names of the classes of those layers that say that they cannot be compiled."""
    layers = model._flatten_layers()  # noqa: SLF001
    return sorted({type(layer).__name__ for layer in layers if not layer.supports_jit})


_TRAINING = (
    "train_step",
    "test_step",
    "compute_loss",
    "compute_metrics",
    "compute_loss_and_updates",
    "stateless_compute_loss",
)
"""Methods by which the class of a model says how it is trained."""


def overrides_training(model: Any) -> bool:
    """Returns whether a model's class trains in another way than Keras's own classes."""
    return any(overrides(model, name) for name in _TRAINING)


def overrides(model: Any, name: str) -> bool:
    """Returns whether a model's class has another method of a name than Keras's own classes."""
    return getattr(type(model), name) is not getattr(trainer_class(), name)


def loss_of_one(model: Any, sample: PyTree, output: PyTree, masks: PyTree) -> Any:
    """Returns the compiled loss of one sample, without what layers add.

    Args:
        model: A compiled model.
        sample: Targets and sample weight, the weight None if there are none; without a batch axis.
        output: The model's output, likewise.
        masks: The masks that layers left on the output, in the order of its leaves.
    """
    backend: Any = sys.modules["keras.src.backend"]
    y, weight, output, masks = jax.tree.map(lambda leaf: leaf[None], (*sample, output, masks))
    for leaf, mask in zip(jax.tree.leaves(output), masks, strict=True):
        if mask is not None:
            backend.set_keras_mask(leaf, mask)
    with backend.StatelessScope():  # running means of several losses stay as they are
        return model._compile_loss(y, output, weight)  # noqa: SLF001


def evaluates_otherwise(model: Any) -> bool:
    """Returns whether the logs of a model's evaluations may have other keys than its training."""
    return type(model).test_step is not trainer_class().test_step


def is_half(model: Any) -> bool:
    """Returns whether a model computes in float16, so that its loss has to be scaled."""
    return any("float16" in str(layer.compute_dtype) for layer in model._flatten_layers())  # noqa: SLF001


def is_known(room: str, name: Any) -> bool:
    """Returns whether Keras knows a name in a room such as ``losses``; objects are known."""
    if not isinstance(name, str):
        return True
    try:
        getattr(loaded(), room).get(name)
    except ValueError:
        return False
    return True


def described(model: Any) -> str:
    """Returns a model's architecture and compilation as JSON, as ``.keras`` files hold it.

    Raises:
        NotImplementedError: Its class does not tell what it is made of.
    """
    saving: Any = sys.modules["keras.src.saving.saving_lib"]
    config: str = saving._serialize_model_as_json(model)[0]  # noqa: SLF001
    return config


def directions(model: Any) -> dict[str, str]:
    """Returns key of the logs -> "up" or "down", for the metrics that say it."""
    found: dict[str, str] = {}
    for metric in model.metrics:
        for part in getattr(metric, "metrics", [metric]):
            direction = getattr(part, "_direction", None)
            if direction is not None:
                found[part.name] = direction
    return found


def ordered(model: Any, logs: dict[str, Any]) -> list[Any]:
    """Returns the values of logs as Keras's ``evaluate`` lists them."""
    values = model._flatten_metrics_in_order(logs)  # noqa: SLF001
    return list(values) if isinstance(values, list) else [values]


@contextmanager
def noting_loss(model: Any) -> Iterator[list[Any]]:
    """Notes, while a step is traced, the batch's own loss as it comes to Keras's running mean.

    Yields:
        A list that is empty if the step does not use that mean, as one of the user's own may not.
    """
    noted: list[Any] = []
    tracker = getattr(model, "_loss_tracker", None)
    if tracker is None:
        yield noted
        return
    update = tracker.update_state

    def noting(value: Any, *args: Any, **kwargs: Any) -> Any:
        noted.append(value)
        return update(value, *args, **kwargs)

    vars(tracker)["update_state"] = noting
    try:
        yield noted
    finally:
        del vars(tracker)["update_state"]


def initial_epoch(model: Any) -> int | None:
    """Returns the epoch to start in that a callback has set; None if none has."""
    epoch: int | None = getattr(model, "_initial_epoch", None)
    return epoch


def set_initial_epoch(model: Any, epoch: int | None) -> None:
    """Sets it."""
    model._initial_epoch = epoch  # noqa: SLF001
