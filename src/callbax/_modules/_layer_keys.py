"""Under which keys the arrays of a module stand in weights files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flax import nnx

from callbax._core._naming import snake_case
from callbax._modules._nnx import joined
from callbax.layers import Layer
from callbax.layers._layer import keras_order

Path = tuple[Any, ...]


class LayerKeys:
    """Keys of layers in a row, as Keras 3 lays them out.

    A layer's own variables are numbered, trainable ones first; NNX modules in it count as its
    own. Layers in it have groups of their own, called after the attribute that holds them, in
    alphabetical order (source: ``_save_state`` in Keras's ``saving_lib``).

    Args:
        layers: The layers.
        path: Where their list stands in the module.
        name: Name of the whole.

    Attributes:
        keys: Path of a variable -> its key.
        names: Group -> name of the layer.
    """

    def __init__(self, layers: Sequence[Any], path: Path, name: str) -> None:
        self.keys: dict[str, str] = {}
        self.names = {"": name}
        self._seen: set[int] = set()
        self._walk_all(list(enumerate(layers)), path, "layers")

    def _walk_all(self, layers: Sequence[tuple[Any, Any]], path: Path, group: str) -> None:
        counts: dict[str, int] = {}
        for index, layer in layers:
            # By class: names are new for every model.
            name = snake_case(type(layer).__name__)
            counts[name] = counts.get(name, -1) + 1
            suffix = f"_{counts[name]}" if counts[name] else ""
            self._walk(layer, (*path, index), f"{group}/{name}{suffix}")

    def _walk(self, layer: Any, path: Path, group: str) -> None:
        if id(layer) in self._seen:
            return
        self._seen.add(id(layer))
        self.names[group] = str(getattr(layer, "name", group))
        inner = list(_inner_layers(layer)) if isinstance(layer, Layer) else []
        theirs = {
            id(variable)
            for _, parts in inner
            for _, part in parts
            for _, variable in keras_order(part)
        }
        own = [entry for entry in keras_order(layer, path) if id(entry[1]) not in theirs]
        own.sort(key=lambda entry: not isinstance(entry[1], nnx.Param))
        for i, (variable_path, _) in enumerate(own):
            self.keys.setdefault(joined(variable_path), f"{group}/vars/{i}")
        for attribute, parts in inner:
            if isinstance(getattr(layer, attribute), Layer):
                self._walk(parts[0][1], (*path, attribute), f"{group}/{attribute}")
            else:
                self._walk_all(parts, (*path, attribute), f"{group}/{attribute}")


def _inner_layers(layer: Layer) -> Iterator[tuple[str, list[tuple[Any, Layer]]]]:
    """Yields the attributes of a layer that hold layers, private ones last, and what they hold."""
    for name in sorted(vars(layer), key=lambda name: f"~{name}" if name[0] == "_" else name):
        value = getattr(layer, name)
        if isinstance(value, Layer):
            yield name, [(None, value)]
            continue
        items: list[tuple[Any, Any]] = []
        if isinstance(value, nnx.List | list | tuple):
            items = list(enumerate(value))
        elif isinstance(value, nnx.Dict | Mapping):
            items = list(value.items())
        found = [(key, item) for key, item in items if isinstance(item, Layer)]
        if found:
            yield name, found
