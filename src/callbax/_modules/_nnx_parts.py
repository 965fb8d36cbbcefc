"""The parts of a module, as Keras's ``model.layers`` lists them."""

from typing import Any

from flax import nnx

from callbax._core._errors import describe, explain
from callbax._modules._protocol import Part
from callbax.layers._members import keras_order


def named_parts(module: Any) -> list[tuple[str, Any]]:
    """Returns a module's direct parts with their names, in the order in which they were made.

    Args:
        module: Any ``nnx.Module``; the items of its lists count as its own parts.
    """
    found = []
    for name, value in vars(module).items():
        if isinstance(value, nnx.List | list | tuple):
            parts = [(f"{name}_{i}", part) for i, part in enumerate(value)]
        else:
            parts = [(name, value)]
        found += [
            (str(getattr(part, "name", None) or part_name), part)
            for part_name, part in parts
            if isinstance(part, nnx.Module)
        ]
    return found


def size(part: Any) -> int:
    """Returns how many numbers the weights of a part hold."""
    return sum(variable.get_value().size for _, variable in keras_order(part))


def find_part(parts: list[Part], name: str | None, index: int | None) -> Any:
    """Returns a part by its name or position.

    Raises:
        ValueError: There is none, or neither or both were given.
    """
    if (name is None) == (index is None):
        raise ValueError(
            explain(
                "get_layer()",
                expected="a name or an index",
                received="neither" if name is None else "both",
                action="Pass one of the two.",
            )
        )
    matches = [part.value for part in parts if part.name == name]
    if index is not None and -len(parts) <= index < len(parts):
        matches = [parts[index].value]
    if not matches:
        raise ValueError(
            explain(
                "get_layer()",
                expected=f"one of {[part.name for part in parts]} or an index below {len(parts)}",
                received=describe(name if index is None else index),
                action="`model.summary()` lists the layers.",
            )
        )
    return matches[0]
