"""What comes out of each part of a module, seen in an abstract run of it."""

from collections.abc import Callable
from typing import Any

import jax

from callbax._core._types import PyTree


class _Recorder:
    """A part of a module that notes the shapes and dtypes of what it returns."""

    def __init__(self, part: Any, note: Callable[[PyTree], None]) -> None:
        self._part, self._note = part, note

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        output = self._part(*args, **kwargs)
        self._note(jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), output))
        return output

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)


def recorded(module: Any, kind: type, found: dict[str, PyTree]) -> None:
    """Exchanges the direct parts of a module for ones that note what they return.

    Args:
        module: A copy of the module, for one abstract call.
        kind: The class of parts.
        found: Where it is noted: name of the attribute, with the place in a list -> output.
    """
    for name, value in list(vars(module).items()):
        if isinstance(value, kind):
            object.__setattr__(module, name, _Recorder(value, _noting(found, name)))
        elif isinstance(value, list | tuple) and any(isinstance(part, kind) for part in value):
            parts = [_Recorder(p, _noting(found, f"{name}_{i}")) for i, p in enumerate(value)]
            object.__setattr__(module, name, type(value)(parts))


def _noting(found: dict[str, PyTree], name: str) -> Callable[[PyTree], None]:
    return lambda output: found.setdefault(name, output)
