"""Lists, dicts and tuples that a layer holds: what is in them counts as the layer's own.

NNX sees the modules and variables in an attribute that is one of these; numbers and names beside
them stay what they are. Each remembers in which order its parts came to it, as Keras lists the
weights of a layer in that order, whatever attributes hold them.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex

import jax
from flax import nnx
from jax.tree_util import DictKey, SequenceKey

from callbax._core._errors import describe, explain

_arrivals = itertools.count()


class Arrivals(dict[Any, int]):
    """Part -> when it came to its holder; no reason for NNX to tell two layers apart."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arrivals)

    def record(self, part: Any) -> None:
        """Records that a part is here now."""
        self.setdefault(part, next(_arrivals))


class HeldList(list[Any]):
    """A list that a layer holds."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        super().__init__()
        self.arrivals = Arrivals()
        self.extend(values)

    def append(self, value: Any) -> None:
        """Puts a value at the end."""
        self.extend([value])

    def extend(self, values: Iterable[Any]) -> None:
        """Puts values at the end."""
        self._forget_those_gone()
        for value in values:
            held = hold(value)
            super().append(held)
            self.arrivals.record(id(held))

    def insert(self, index: SupportsIndex, value: Any) -> None:
        """Puts a value before another one."""
        self._forget_those_gone()
        held = hold(value)
        super().insert(index, held)
        self.arrivals.record(id(held))

    def __iadd__(self, values: Iterable[Any]) -> "HeldList":  # type: ignore[misc]
        self.extend(values)
        return self

    def _forget_those_gone(self) -> None:
        """Forgets parts that were taken out, as a new one may have the identity of such a one."""
        here = set(map(id, self))
        for part in [part for part in self.arrivals if part not in here]:
            del self.arrivals[part]

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return _list_again, (list(self), [self.arrivals.get(id(v)) for v in self])


class HeldDict(dict[Any, Any]):
    """A dict that a layer holds."""

    def __init__(self, values: Mapping[Any, Any]) -> None:
        super().__init__()
        self.arrivals = Arrivals()
        self.update(values)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, hold(value))
        self.arrivals.record(key)

    def update(self, *others: Any, **more: Any) -> None:
        """Takes in what other dicts hold."""
        for key, value in dict(*others, **more).items():
            self[key] = value

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return _dict_again, (dict(self), dict(self.arrivals))


class HeldTuple(tuple[Any, ...]):
    """A tuple that a layer holds and that has parts."""


def hold(value: Any) -> Any:
    """Returns what a layer keeps of a value: lists and dicts as ones that NNX looks into.

    Of a model it keeps the module, which has the weights.

    Raises:
        TypeError: It is a set of layers, whose order no file could keep.
    """
    if hasattr(value, "as_layer") and not isinstance(value, type):
        return value.as_layer()
    if type(value) is list:
        return HeldList(value)
    if type(value) is dict:
        return HeldDict(value)
    if type(value) is tuple and holds_parts(value):
        return HeldTuple(map(hold, value))
    if isinstance(value, set | frozenset) and any(map(nnx.is_data, value)):
        raise TypeError(
            explain(
                "layer.parts = {...}",
                expected="layers in a list, tuple or dict",
                received=describe(value),
                action="Use a list: the order of its layers is that of their weights in files.",
            )
        )
    return value


def holds_parts(value: Any) -> bool:
    """Returns whether a value is, or holds, a module, a variable or an array."""
    return any(map(nnx.is_data, jax.tree.leaves(value, is_leaf=nnx.is_data)))


def items(value: Any) -> list[tuple[Any, Any]]:
    """Returns the (key, part) pairs of a container; none of anything else."""
    if isinstance(value, nnx.Dict | Mapping):
        return list(value.items())
    if isinstance(value, nnx.List | list | tuple):
        return list(enumerate(value))
    return []


def arrival(container: Any, key: Any, part: Any, default: int) -> int:
    """Returns when a part came to a container; that of the container if it does not know."""
    if isinstance(container, HeldList):
        return container.arrivals.get(id(part), default)
    if isinstance(container, HeldDict):
        return container.arrivals.get(key, default)
    return default


class _Rest:
    """What a container holds beside its parts."""

    def __init__(self, values: Any, keys: list[Any], arrivals: list[int]) -> None:
        self.values, self.keys, self.arrivals = values, keys, arrivals

    def __hash__(self) -> int:
        return hash(len(self.values))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rest) and (self.keys, self.values) == (other.keys, other.values)


def _split(container: Any, keyed: type) -> tuple[list[tuple[Any, Any]], _Rest]:
    parts = [(key, value) for key, value in items(container) if holds_parts(value)]
    keys = [key for key, _ in parts]
    rest = {key: value for key, value in items(container) if key not in keys}
    # In the order of the container, so that it is the same again.
    values = [(key, rest.get(key)) for key, _ in items(container)]
    arrivals = [arrival(container, key, part, -1) for key, part in parts]
    return [(keyed(key), part) for key, part in parts], _Rest(values, keys, arrivals)


def _join(rest: _Rest, parts: Iterable[Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    found = dict(zip(rest.keys, parts, strict=True))
    return {key: found.get(key, value) for key, value in rest.values}, dict(
        zip(rest.keys, rest.arrivals, strict=True)
    )


def _list_again(values: list[Any], arrivals: list[int | None]) -> HeldList:
    held = HeldList()
    list.extend(held, values)
    pairs = zip(values, arrivals, strict=True)
    held.arrivals.update((id(value), when) for value, when in pairs if when is not None)
    return held


def _dict_again(values: dict[Any, Any], arrivals: dict[Any, int]) -> HeldDict:
    held = HeldDict({})
    dict.update(held, values)
    held.arrivals.update(arrivals)
    return held


def _joined_list(rest: _Rest, parts: Iterable[Any]) -> HeldList:
    values, arrivals = _join(rest, parts)
    return _list_again(list(values.values()), [arrivals.get(key) for key in values])


def _joined_dict(rest: _Rest, parts: Iterable[Any]) -> HeldDict:
    return _dict_again(*_join(rest, parts))


def _joined_tuple(rest: _Rest, parts: Iterable[Any]) -> HeldTuple:
    return HeldTuple(_join(rest, parts)[0].values())


for _kind, _keyed, _make in (
    (HeldList, SequenceKey, _joined_list),
    (HeldTuple, SequenceKey, _joined_tuple),
    (HeldDict, DictKey, _joined_dict),
):
    nnx.register_data_type(_kind)
    jax.tree_util.register_pytree_with_keys(
        _kind,
        lambda container, keyed=_keyed: _split(container, keyed),  # type: ignore[misc]
        _make,
    )
