"""What an NNX module writes to itself while it runs, and loses: all but its variables."""

from collections.abc import Collection
from typing import Any

from flax import nnx

from callbax._core._errors import describe
from callbax._core._warnings import warn

_LISTS = (list, nnx.List, dict, nnx.Dict)
"""Kinds of attributes that a call may change without assigning them."""
_PLAIN = {bool, int, float, str, type(None)}
"""What most attributes are; to ask NNX whether they are variables takes longer."""
_Attributes = dict[str, tuple[Any, int | None]]


def attributes_of(module: nnx.Module) -> _Attributes:
    """Returns the attributes of a module and its parts by path, with the lengths of lists.

    Variables and parts are left out, and what NNX keeps for itself.
    """
    return {
        "/".join(map(str, (*path, name))): (value, _length(value))
        for path, part in nnx.iter_modules(module)
        for name, value in vars(part).items()
        if not name.startswith("_")
        and (type(value) in _PLAIN or not isinstance(value, nnx.Variable | nnx.Module))
    }


def warn_of_lost(module: nnx.Module, before: _Attributes, kept: Collection[str]) -> None:
    """Warns of attributes that a call has changed: a compiled step runs no Python.

    Args:
        module: What was called, while it was traced.
        before: What `attributes_of` returned before.
        kept: Paths of arrays that the state holds.
    """
    for path, (value, length) in attributes_of(module).items():
        old, old_length = before.get(path, (None, None))
        if path in kept or (value is old and length == old_length):
            continue
        name = path.rpartition("/")[2]
        path = path.replace("/", ".")
        warn(
            f"`{type(module).__name__}.__call__`: expected it to change `nnx.Variable`s alone, "
            f"received a change of `{path}`, {describe(value)}.\n"
            "It is made once, while the call is compiled, and then lost. Keep it as "
            f"`self.{name} = nnx.Variable(jnp.zeros(()))` and write "
            f"`self.{name}[...] = value`, or return the value as an output.",
            UserWarning,
        )


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, _LISTS) else None
