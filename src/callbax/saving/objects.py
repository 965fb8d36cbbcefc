"""Objects as plain values and back, in Keras's words, without ever running code from a file."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import closest, describe, explain
from callbax._core._registry import REGISTRIES, Registry
from callbax.saving._dtypes import is_number
from callbax.saving.registration import (
    get_custom_objects,
    get_registered_name,
    get_registered_object,
)

KINDS = {
    "keras": "model",
    "keras.activations": "activation",
    "keras.initializers": "initializer",
    "keras.layers": "layer",
    "keras.losses": "loss",
    "keras.metrics": "metric",
    "keras.optimizers": "optimizer",
    "keras.optimizers.schedules": "schedule",
}
"""Module as Keras's files say it -> the kind of registry that knows its names."""
ROOMS = {kind: module.replace("keras", "callbax") for module, kind in KINDS.items()}
ROOMS["model"] = "callbax.models"
"""Kind -> the room whose import fills its registry."""
HOUSE = "callbax."


def serialize_keras_object(obj: object) -> Any:
    """Describes an object by plain values, as Keras's files do.

    Use it in ``get_config`` of a layer that holds other objects.

    Args:
        obj: Plain values, arrays, named functions, objects with ``get_config``, and lists and
            dicts of them.

    Returns:
        Values fit for JSON, of which `deserialize_keras_object` makes an equal object.

    Raises:
        TypeError: Plain values cannot describe it; a lambda is such a thing.

    Example:
        >>> from callbax.initializers import Zeros
        >>> serialize_keras_object(Zeros())["module"], serialize_keras_object((1, 2))
        ('keras.initializers', [1, 2])

    Differs from Keras: a lambda is refused; Keras writes its bytecode into the file.

    Source: ``keras.saving.serialize_keras_object``.
    """
    if obj is None or isinstance(obj, str | bool | int | float):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, list | tuple):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, Mapping):
        described = {key: serialize_keras_object(value) for key, value in obj.items()}
        if described.keys() == {"class_name", "config"}:
            # As `initializers.serialize` and the like return; Keras asks where the name is known.
            name = described["class_name"]
            described["module"] = next((m for m, k in KINDS.items() if _lookup(k, name)), None)
        return described
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        return _describe_object(obj)
    if hasattr(obj, "dtype") and hasattr(obj, "shape"):
        array = np.asarray(obj)
        config = {"value": array.tolist(), "dtype": array.dtype.name}
        return {"class_name": "__numpy__", "config": config}
    name = getattr(obj, "__name__", None)
    if inspect.isfunction(obj) and name != "<lambda>":
        # Keras's own form for functions; it looks names up where losses and the like are.
        return {
            "module": "builtins",
            "class_name": "function",
            "config": get_registered_name(obj),
            "registered_name": "function",
        }
    raise TypeError(
        explain(
            "serialize_keras_object(obj)",
            expected="plain values, named functions and objects with `get_config`",
            received="a lambda" if name == "<lambda>" else describe(obj),
            action="Write a lambda as a `def`, and a module as a `Layer` with `get_config`. "
            "`save_weights` saves the weights of any model.",
        )
    )


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    *,
    where: str = "deserialize_keras_object(config)",
) -> Any:
    """Makes an object of what `serialize_keras_object` returned, here or in Keras.

    A file names classes and can do no more than that: they are found among callbax's own, those
    registered with `register_keras_serializable` and those in ``custom_objects``. Nothing is
    imported, and no code is read.

    Args:
        config: Plain values. Objects in them are left as they are.
        custom_objects: Classes and functions of your own, by name.
        where: The public call to name in an error, without backticks.

    Returns:
        The object.

    Raises:
        ValueError: A class or function is unknown, its arguments do not fit, or there is a
            lambda.

    Example:
        >>> config = {"module": "keras.initializers", "class_name": "Zeros", "config": {}}
        >>> deserialize_keras_object(config)((2,)).tolist()
        [0.0, 0.0]

    Differs from Keras: there is no ``safe_mode=False``; lambdas are always refused.

    Source: ``keras.saving.deserialize_keras_object``.
    """
    try:
        return _Reader(custom_objects or {}, where).read(config)
    except RecursionError as error:
        raise ValueError(
            explain(
                where,
                expected="plain values a few levels deep",
                received=f"{describe(config)} that is deeper than Python's stack",
                action="Pass what `serialize_keras_object` returned.",
            )
        ) from error


def _describe_object(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    config = {key: serialize_keras_object(value) for key, value in obj.get_config().items()}
    described = {"class_name": cls.__name__, "config": config}
    if isinstance(model := getattr(obj, "model", None), str) and _lookup("model", model):
        # The layers of a `Sequential` that a layer holds.
        return {"module": "keras", **described, "class_name": model, "registered_name": None}
    for module, kind in KINDS.items():
        if cls.__module__.startswith(HOUSE) and _lookup(kind, cls.__name__) is cls:
            return {"module": module, **described, "registered_name": None}
    name = get_registered_name(cls)
    return {"module": cls.__module__, **described, "registered_name": name}


def _registry(kind: str) -> Registry:
    importlib.import_module(ROOMS[kind])  # the user may not have asked for the room yet
    return REGISTRIES[kind]


def _lookup(kind: str, name: str) -> Any:
    registry = _registry(kind)
    return registry.lookup(name) if name in registry else None


class UnreadableError(ValueError):
    """Plain values ask for what callbax does not have."""


class _Reader:
    """Makes objects of plain values.

    Args:
        custom_objects: The user's classes and functions, by name.
        where: The public call to name in an error, without backticks.
    """

    def __init__(self, custom_objects: Mapping[str, Any], where: str) -> None:
        self._custom, self._where = custom_objects, where

    def read(self, config: Any) -> Any:
        """Returns what plain values describe."""
        if isinstance(config, list | tuple):
            return [self.read(item) for item in config]
        if not isinstance(config, Mapping):
            return config
        if "class_name" not in config or "config" not in config:
            return {key: self.read(value) for key, value in config.items()}
        return self._read_object(str(config["class_name"]), config)

    def _read_object(self, name: str, config: Mapping[str, Any]) -> Any:
        inner = config["config"]
        if name == "__lambda__":
            raise self._refuse(
                "no code in the file",
                "a lambda",
                "Save the model with a named function in its place.",
            )
        if name == "function":
            return self._find(str(inner), config, wants_class=False)
        inner = self.read({} if inner is None else inner)
        if not isinstance(inner, dict):
            raise self._refuse(
                f"a dict of arguments for {name}", describe(inner), "The file is damaged."
            )
        if name == "__numpy__" or name == "__tensor__":
            return self._array(inner)
        if name == "DTypePolicy":
            return inner.get("name")
        return self._make(self._find(name, config, wants_class=True), inner)

    def _array(self, described: Mapping[str, Any]) -> NDArray[Any]:
        try:
            dtype = np.dtype(described["dtype"])
            if not is_number(dtype):  # "S1000000" would make megabytes of every letter
                raise ValueError(f"{dtype} is not a dtype of numbers")
            return np.array(described["value"], dtype)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._refuse(
                "an array as nested lists of numbers, and its dtype",
                f"something else ({error})",
                "The file is damaged.",
            ) from error

    def _find(self, name: str, config: Mapping[str, Any], *, wants_class: bool) -> Any:
        """Returns the class or function that a name means: the user's own, or callbax's."""
        for candidate in filter(None, (config.get("registered_name"), name)):
            found = get_registered_object(str(candidate), self._custom)
            if found is not None:
                return found
        kind = KINDS.get(str(config.get("module")))
        for each in KINDS.values() if kind is None else [kind]:
            found = _lookup(each, name)
            if found is not None and isinstance(found, type) == wants_class:
                return found
        # Up to 3.6 Keras wrote a registered function by its name alone.
        found = None if wants_class or ">" in name else self._by_short_name(name)
        if found is not None:
            return found
        raise self._refuse(
            "classes and functions that callbax has or that you name",
            f'"{name}" of module "{config.get("module")}"',
            f'Pass custom_objects={{"{name}": ...}}, or decorate yours with '
            f"@register_keras_serializable(). {closest(name, _registry(kind or 'layer'))}",
        )

    def _by_short_name(self, name: str) -> Any:
        """Returns the function that is registered under a name, whatever its package."""
        known = {**get_custom_objects(), **self._custom}
        found = [thing for full, thing in known.items() if full.endswith(f">{name}")]
        return next((thing for thing in found if not isinstance(thing, type)), None)

    def _make(self, cls: Any, arguments: dict[str, Any]) -> Any:
        name = getattr(cls, "__name__", str(cls))
        if not hasattr(cls, "from_config"):
            raise self._refuse(
                f"a class with `from_config` under the name {name}",
                describe(cls),
                "Subclass `Layer`, `Loss` or `Metric`.",
            )
        arguments, unknown = _fitting(cls, arguments)
        if unknown:
            raise self._refuse(
                f"arguments that {name} takes",
                ", ".join(f"{key}={describe(arguments[key])}" for key in unknown),
                f"callbax's {name} cannot do this. Pass a class that can in custom_objects.",
            )
        try:
            return cls.from_config(arguments)
        # Whatever a constructor meets in a damaged or hostile file.
        except Exception as error:
            raise self._refuse(
                f"a config of which {name} can be made",
                f"one with which it fails: {error}",
                "If the class is yours, let `get_config` return what its constructor takes.",
            ) from error

    def _refuse(self, expected: str, received: str, action: str) -> "UnreadableError":
        return UnreadableError(
            explain(self._where, expected=expected, received=received, action=action)
        )


def _fitting(cls: Any, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns arguments without those that ask for nothing, and names of those not taken."""
    if "from_config" in vars(cls):
        return arguments, []  # it knows best
    taken: set[str] = set()
    takes_any = True
    for base in cls.__mro__:
        if takes_any and base is not object and "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            taken |= {parameter.name for parameter in parameters}
            # What a constructor takes as **kwargs it hands on to the next one.
            takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    asked = {key: value for key, value in arguments.items() if key in taken or _asks(key, value)}
    house = cls.__module__.startswith(HOUSE)
    return asked, [key for key in asked if key not in taken and (house or not takes_any)]


_NEUTRAL = (
    ("dtype", "float32"),
    ("trainable", True),
    ("recurrent_dropout", 0.0),
    ("renorm_momentum", 0.99),  # Keras writes it, whether there is renorm or not
)
"""Arguments in Keras's configs that ask for nothing with these values."""


def _asks(key: str, value: Any) -> bool:
    """Returns whether an argument asks for something; Keras's configs also list what is off."""
    off = value is None or value is False
    return not off and (key, value) not in _NEUTRAL
