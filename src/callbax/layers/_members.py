"""What a module holds: variables and parts, in Keras's order."""

from typing import Any

from flax import nnx

from callbax.layers._containers import arrival, items
from callbax.layers._layer_type import LayerType


def keras_order(module: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Returns a module's variables in Keras's order, random streams left out.

    A module's own trainable variables come first, then its other ones, then those of its parts,
    each in the order in which they came to it (source: ``keras.Layer.variables``).

    Args:
        module: Any ``nnx.Module``.
        path: Where it stands in the whole.

    Returns:
        (path, variable) pairs; a variable used in two places comes once.
    """
    found: dict[int, tuple[tuple[Any, ...], Any]] = {}
    own, parts = [], []
    for inner_path, value in members(module, path):
        if isinstance(value, nnx.Variable):
            own.append((inner_path, value))
        else:
            parts.append((inner_path, value))
    own.sort(key=lambda entry: not isinstance(entry[1], nnx.Param))
    for entry in own:
        found.setdefault(id(entry[1]), entry)
    for inner_path, part in parts:
        for entry in keras_order(part, inner_path):
            found.setdefault(id(entry[1]), entry)
    return list(found.values())


def members(module: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """Returns (path, value) of the variables and modules that a module itself holds.

    What is in its lists, tuples and dicts counts as its own; random streams are left out. They
    are in the order in which they came to it.

    Args:
        module: Any ``nnx.Module``.
        path: Where it stands in the whole.
    """
    found: list[tuple[int, tuple[Any, ...], Any]] = []

    def visit(path: tuple[Any, ...], value: Any, when: int) -> None:
        if isinstance(value, nnx.RngState | nnx.Rngs):
            return
        if isinstance(value, nnx.List | nnx.Dict) or not isinstance(value, nnx.Pytree):
            if isinstance(value, nnx.Variable):
                found.append((when, path, value))
            for key, part in items(value):
                visit((*path, key), part, arrival(value, key, part, when))
        else:
            found.append((when, path, value))

    if isinstance(module, nnx.List | nnx.Dict):
        visit(path, module, 0)
    else:
        arrivals = vars(module).get("_arrivals", {})
        for name, value in vars(module).items():
            if not name.startswith("_pytree__"):
                visit((*path, name), value, arrivals.get(name, 0))
    found.sort(key=lambda entry: entry[0])
    return [(path, value) for _, path, value in found]


def values(module: Any) -> list[tuple[Any, Any]]:
    """Returns (variable, its value) of all variables in a module, random streams too."""
    found = (part for _, part in nnx.iter_graph(module) if isinstance(part, nnx.Variable))
    return [(variable, variable.get_raw_value()) for variable in found]


def is_layer(module: object) -> bool:
    """Returns whether a module is a layer of callbax's."""
    return isinstance(type(module), LayerType)


def inner_layers(module: Any) -> list[Any]:
    """Returns the layers in a module, those in its NNX modules among them, not those in layers."""
    found: list[Any] = []
    for _, part in members(module):
        if is_layer(part):
            found.append(part)
        elif not isinstance(part, nnx.Variable):
            found += inner_layers(part)
    return found


def frozen_variables(module: Any, frozen: bool = False) -> set[int]:
    """Returns the identities of the variables that training leaves alone.

    The nearest layer around a variable decides, as in Keras: setting ``trainable`` reaches the
    layers inside, which may then be set otherwise.

    Args:
        module: Any ``nnx.Module``.
        frozen: What holds if no layer decides.
    """
    decides = is_layer(module) or getattr(module, "trainable", True) is False
    frozen = not module.trainable if decides else frozen
    found: set[int] = set()
    for _, part in members(module):
        if not isinstance(part, nnx.Variable):
            found |= frozen_variables(part, frozen)
        elif frozen:
            found.add(id(part))
    return found
