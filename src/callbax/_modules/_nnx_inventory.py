"""What an NNX module is made of, object by object, so that one look tells whether it still is.

NNX compares modules by splitting them, which takes a millisecond for a few layers. Every run asks
whether the module is as the last one left it, and so does every call of one batch.
"""

import dataclasses
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, NamedTuple

import jax
from flax import nnx

Contents = Mapping[Any, Any]

_TRAIN_OR_EVALUATE = ("deterministic", "use_running_average")
"""Attributes that ``train()`` and ``eval()`` set; training sets them for itself."""
_KEPT_ON_PARTS = ("_pytree__", "_arrivals")
"""How attributes begin in which NNX and layers of callbax note when and how parts came to them."""
_NUMBERS = (bool, int, float, complex, str, bytes, type(None))
"""Kinds of values that are the same if they are equal."""
_COMPILED = (*_NUMBERS, FunctionType, nnx.Variable)
"""Kinds of attributes that a program is compiled with, so that it cannot follow their change."""
_ABSENT = object()


class _Entry(NamedTuple):
    """One object that holds others.

    Attributes:
        path: Its path in the module.
        holder: The object.
        look: Returns what it holds now.
        before: What it held, key -> value.
        plain: Whether NNX takes it as one value, and compares it with itself if it is changed.
    """

    path: tuple[Any, ...]
    holder: Any
    look: Callable[[Any], Contents]
    before: dict[Any, Any]
    plain: bool


class Inventory:
    """The objects that a module holds, directly or in its parts, lists, dicts and dataclasses.

    Args:
        module: The module, as of now.
    """

    def __init__(self, module: nnx.Module) -> None:
        self._entries: list[_Entry] = []
        # Whether it holds an object into which NNX looks and this does not.
        self._incomplete = False
        self._enter((), module, set())

    def is_current(self) -> bool:
        """Returns whether the module holds these very objects; False if that cannot be told."""
        if self._incomplete:
            return False
        for _, holder, look, before, _ in self._entries:
            now = look(holder)
            if len(now) != len(before):
                return False
            for key, value in before.items():
                if now.get(key, _ABSENT) is not value:
                    return False
        return True

    def says_the_same(self, other: "Inventory") -> bool:
        """Returns whether lists, dicts and dataclasses hold the same in another inventory.

        Of all else ``nnx.graphdef`` tells whether it is the same.
        """
        mine, others = self.told_by_value(), other.told_by_value()
        return len(mine) == len(others) and all(map(_alike, mine, others))

    def told_by_value(self) -> list[Contents]:
        """Returns the contents of its lists, dicts and dataclasses."""
        return [entry.before for entry in self._entries if entry.plain]

    def change(self) -> str | None:
        """Returns what has changed that programs are compiled with, as a user would write it."""
        for path, holder, look, before, plain in self._entries:
            now = look(holder)
            for name, old in before.items():
                new = now.get(name, _ABSENT)
                if new is old or name in _TRAIN_OR_EVALUATE or not _is_compiled(old):
                    continue
                if not _same(old, new):
                    where = _dotted((*path, name))
                    return f"no {where}" if new is _ABSENT else f"{where} = {new!r}"
            if plain and len(now) != len(before):
                return f"{_dotted(path)} = {holder!r}"
        return None

    def _enter(self, path: tuple[Any, ...], value: Any, entered: set[int]) -> None:
        look = _look_into(value)
        if look is None:
            looked_into = value is not None and not jax.tree_util.all_leaves([value])
            self._incomplete = self._incomplete or looked_into
        elif id(value) not in entered:
            entered.add(id(value))
            plain = not isinstance(value, nnx.Pytree | nnx.Variable)
            held = dict(look(value))
            self._entries.append(_Entry(path, value, look, held, plain))
            if not isinstance(value, nnx.Variable):
                for name, part in held.items():
                    if not str(name).startswith(_KEPT_ON_PARTS):
                        self._enter((*path, name), part, entered)


def _look_into(value: Any) -> Callable[[Any], Contents] | None:
    """Returns what tells the contents of an object; None for one that is not looked into."""
    if isinstance(value, nnx.Variable):
        return nnx.Variable.get_metadata
    if isinstance(value, nnx.Pytree):
        return vars
    if isinstance(value, dict):
        return _itself
    if isinstance(value, list | tuple):
        return _by_position
    if (
        dataclasses.is_dataclass(value)
        and not isinstance(value, type)
        and hasattr(value, "__dict__")
    ):
        return vars
    return None


def _itself(value: Contents) -> Contents:
    return value


def _by_position(values: list[Any] | tuple[Any, ...]) -> Contents:
    return dict(enumerate(values))


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


def _is_compiled(value: Any) -> bool:
    return isinstance(value, _COMPILED) or _look_into(value) is not None


def _same(old: Any, new: Any) -> bool:
    """Returns whether programs that were compiled with one value hold for another one."""
    if old is new or type(old) is not type(new):
        return old is new
    if isinstance(old, _NUMBERS):
        return bool(old == new)
    look = _look_into(old)
    if look is None or isinstance(old, nnx.Pytree | nnx.Variable):
        return False
    olds, news = look(old), look(new)
    return olds.keys() == news.keys() and all(_same(olds[key], news[key]) for key in olds)


def _alike(one: Contents, other: Contents) -> bool:
    """Returns whether two contents say the same; what is looked into has contents of its own."""
    return one.keys() == other.keys() and all(
        _same(value, other[key])
        or (_look_into(value) is not None and type(value) is type(other[key]))
        for key, value in one.items()
    )
