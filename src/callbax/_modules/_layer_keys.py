"""Under which keys the arrays of a module stand in weights files."""

from collections.abc import Iterator
from typing import Any

from flax import nnx

from callbax._core._naming import snake_case
from callbax.layers import Layer
from callbax.layers._containers import items
from callbax.layers._members import keras_order
from callbax.layers._stack import Stack


class LayerKeys:
    """Keys of layers in a row, as Keras 3 lays them out.

    A layer's own variables are numbered, trainable ones first; NNX modules in it count as its
    own. Layers in it have groups of their own, called after the attribute that holds them, in
    alphabetical order (source: ``_save_state`` in Keras's ``saving_lib``).

    Args:
        stack: The layers.

    Attributes:
        keys: Identity of a variable -> its key.
        names: Group -> name of the layer.
    """

    def __init__(self, stack: Any) -> None:
        self.keys: dict[int, str] = {}
        self.names: dict[str, str] = {}
        self._seen: set[int] = set()
        self._walk(stack, "")

    def _walk(self, layer: Any, group: str) -> None:
        if id(layer) in self._seen:
            return
        self._seen.add(id(layer))
        self.names[group] = str(getattr(layer, "name", group))
        prefix = f"{group}/" if group else ""
        inner = list(_inner(layer))
        theirs = {
            id(variable)
            for _, value in inner
            for part in _layers_in(value)
            for _, variable in keras_order(part)
        }
        own = [variable for _, variable in keras_order(layer) if id(variable) not in theirs]
        own.sort(key=lambda variable: not isinstance(variable, nnx.Param))
        for i, variable in enumerate(own):
            self.keys.setdefault(id(variable), f"{prefix}vars/{i}")
        for attribute, value in inner:
            self._walk_value(value, f"{prefix}{attribute}")

    def _walk_value(self, value: Any, group: str) -> None:
        if _is_layer(value):
            self._walk(value, group)
            return
        counts: dict[str, int] = {}
        for _, item in items(value):
            if not _layers_in(item):
                continue
            # By class: names are new for every model.
            name = snake_case(_class_of(item)) if _is_layer(item) else "container"
            counts[name] = counts.get(name, -1) + 1
            suffix = f"_{counts[name]}" if counts[name] else ""
            self._walk_value(item, f"{group}/{name}{suffix}")


def _inner(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yields the attributes of a layer that hold layers, private ones last, and what they hold."""
    if not _is_layer(layer):
        return
    for name in sorted(vars(layer), key=lambda name: f"~{name}" if name[0] == "_" else name):
        value = vars(layer)[name]
        if _layers_in(value):
            yield name, value


def _layers_in(value: Any) -> list[Any]:
    if _is_layer(value):
        return [value]
    return [layer for _, item in items(value) for layer in _layers_in(item)]


def _class_of(layer: Any) -> str:
    return layer.model if isinstance(layer, Stack) else type(layer).__name__


def _is_layer(value: Any) -> bool:
    return isinstance(value, Layer)
