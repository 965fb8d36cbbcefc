"""A pair of pure functions, ``(init, apply)``, as Haiku and hand-written JAX have them."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from callbax._core._types import Array, PyTree
from callbax._modules._held import Held, Trees, two
from callbax._modules._signature import Signature

_STATE = ("state", "states")
_KEY = ("key", "rng", "rng_key", "prng_key")


class Initialized(NamedTuple):
    """A pair with its weights: what ``model.module`` is. `Model` takes it too.

    Attributes:
        init: Random key, inputs -> parameters; with a state, parameters and state.
        apply: Parameters and inputs, and what else it asks for -> output; with a state, output and
            state.
        params: The parameters, a pytree; None before the first batch.
        state: The state, likewise, if `apply` takes one.
    """

    init: Callable[..., Any]
    apply: Callable[..., Any]
    params: PyTree = None
    state: PyTree = None


class PairFunctional(Held):
    """A pair of functions, initialised for the first batch.

    The names of `apply`'s parameters tell what it takes beside the parameters, which come first,
    and the inputs: `state`, a random `key` or `rng`, and whether it is called in `training`.

    Args:
        module: ``(init, apply)``, or an `Initialized`.
    """

    @staticmethod
    def takes(module: Any) -> bool:
        pair = isinstance(module, tuple) and 2 <= len(module) <= 4
        return pair and all(map(_is_function, module[:2]))

    def given(self, module: Any) -> Trees | None:
        init, apply, *weights = module
        self._pair = init, apply
        self._init = Signature(init, filled=1)
        self._apply = Signature(apply, (*_STATE, *_KEY), filled=1)
        params, state = (*weights, None, None)[:2]
        trees = {"": params} if state is None else {"": params, "state": state}
        return None if params is None else trees

    def show(self, trees: Trees | None) -> Initialized:
        trees = trees or {}
        return Initialized(*self._pair, trees.get(""), trees.get("state"))

    def initial(self, x: PyTree, key: Array) -> Trees:
        # As in training, in which Haiku's batch normalization makes its averages.
        found = self._init.call(partial(self._pair[0], key), x, True)
        if not self._has_state:
            return {"": found}
        params, state = two(found, "init(key, x)", "parameters and state")
        return {"": params, "state": state}

    def compute(
        self, trees: Trees, x: PyTree, key: Array, training: bool
    ) -> tuple[PyTree, Trees, Array | None]:
        values = dict.fromkeys(_STATE, trees.get("state")) | dict.fromkeys(_KEY, key)
        first = [trees[""]]
        for name in self._apply.names:
            if name not in values:
                break
            first.append(values[name])
        later = self._apply.names[len(first) - 1 :]
        rest = {name: values[name] for name in later if name in values}
        found = self._apply.call(partial(self._pair[1], *first), x, training, **rest)
        if not self._has_state:
            return found, {}, None
        output, state = two(found, "apply(params, ...)", "output and state")
        return output, {"state": state}, None

    @property
    def _has_state(self) -> bool:
        return any(name in _STATE for name in self._apply.names)


def _is_function(thing: Any) -> bool:
    """Returns whether something is a function, jitted ones included, and no module or layer."""
    wraps = isinstance(thing, partial) or hasattr(thing, "__wrapped__")
    return inspect.isroutine(thing) or (callable(thing) and wraps)
