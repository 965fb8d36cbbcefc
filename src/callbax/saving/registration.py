"""Names under which files mention classes and functions of users."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from callbax._core._errors import describe, explain

_Thing = TypeVar("_Thing", bound=Callable[..., Any])
_objects: dict[str, Any] = {}
_names: dict[Any, str] = {}


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[_Thing], _Thing]:
    """Returns a decorator that lets files mention a class or function of yours.

    Use it on layers, losses, metrics and functions that are part of models you save; without it
    `load_model` needs them in ``custom_objects``.

    Args:
        package: A name for your project, so that two projects may have a class of one name.
        name: The name in files; by default the class's own.

    Raises:
        TypeError: The decorator is used without its brackets.
        ValueError: A class has no ``get_config``; raised by the decorator.

    Example:
        >>> from callbax.layers import Layer
        >>> @register_keras_serializable("my_project")
        ... class Double(Layer):
        ...     def call(self, inputs):
        ...         return 2 * inputs
        >>> get_registered_name(Double)
        'my_project>Double'

    Source: ``keras.saving.register_keras_serializable``.
    """
    if not isinstance(package, str):
        raise TypeError(
            explain(
                "register_keras_serializable(package)",
                expected="the name of a package",
                received=describe(package),
                action='Write @register_keras_serializable("my_project"), or empty brackets.',
            )
        )

    def register(thing: _Thing) -> _Thing:
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(
                explain(
                    "register_keras_serializable()",
                    expected="a function, or a class with a `get_config` method",
                    received=f"the class {thing.__name__} without one",
                    action="Define `get_config` and return the constructor's arguments.",
                )
            )
        registered = f"{package}>{name or thing.__name__}"
        _objects[registered] = thing
        _names[thing] = registered
        return thing

    return register


def get_registered_name(obj: object) -> str:
    """Returns the name under which files mention a class or function.

    Args:
        obj: The class or function.

    Returns:
        ``"package>name"`` if it is registered, else its own name.

    Source: ``keras.saving.get_registered_name``.
    """
    return str(_names.get(obj, getattr(obj, "__name__", "")))


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Returns the class or function that a name in a file means.

    Args:
        name: The name.
        custom_objects: Further names to know.
        module_objects: Names to look up last.

    Returns:
        What is registered, or ``None``.

    Source: ``keras.saving.get_registered_object``.
    """
    for known in (_objects, custom_objects or {}, module_objects or {}):
        if name in known:
            return known[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """Returns what is registered: name -> class or function; changes to it count.

    Source: ``keras.saving.get_custom_objects``.
    """
    return _objects
