"""A pair of functions, ``(init, apply)``, seen as pure functions."""

import inspect
from collections.abc import Callable
from typing import Any

import jax

from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Applied, Functional, Variables
from callbax._modules._signature import Signature
from callbax._modules._value import Trainable, ValueFunctional, flatten, key_of, unflatten

_KEYS = ("rng", "key")
_GIVEN = ("params", "state", *_KEYS)


def pair_functional(module: Any, trainable: Trainable | None = None) -> Functional | None:
    """Returns a pair of functions as pure functions of flat dicts; None for anything else.

    Args:
        module: ``init(key, x) -> params`` and ``apply(params, x) -> output`` in a tuple, or as
            attributes of an object, as Haiku's ``transform`` returns them. If ``apply`` has a
            second argument `state`, ``init`` returns (params, state), and so does it (output,
            state). An argument `rng` or `key` gets a key for each step.
        trainable: Which arrays training changes.
    """
    if isinstance(module, tuple) and len(module) == 2:
        init, apply = module
    else:
        init, apply = (getattr(module, name, None) for name in ("init", "apply"))
    if isinstance(module, type) or not (callable(init) and callable(apply)):
        return None
    return PairFunctional(module, init, apply, trainable)


class PairFunctional(ValueFunctional):
    """Parameters are made by ``init`` at the first batch, and trained all.

    Args:
        module: What the user gave.
        init: Makes the parameters.
        apply: Computes the output.
        trainable: Which arrays training changes.
    """

    _made: PyTree = None

    def __init__(
        self,
        module: Any,
        init: Callable[..., Any],
        apply: Callable[..., Any],
        trainable: Trainable | None,
    ) -> None:
        super().__init__(module, trainable)
        self._init, self._apply = init, apply
        names = list(inspect.signature(apply).parameters)
        self._has_state = "state" in names
        self._leading = [name for name in names[:3] if name in _GIVEN[1:]]
        self._signature = Signature(apply, {names[0], *_GIVEN})

    def with_arrays(self, variables: Variables) -> Any:
        return self.given  # functions hold no arrays

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        key = jax.random.key((seeds or SeedSource()).draw())
        batch = jax.tree.map(lambda leaf: jax.numpy.zeros(leaf.shape, leaf.dtype), x)

        def init(*args: Any, **kwargs: Any) -> PyTree:
            return self._init(key, *args, **kwargs)

        made = Signature(self._init, _KEYS).call(init, batch, False)
        params, state = made if self._has_state else (made, {})
        self._made = {"params": params, "state": state}
        self.hold(flatten({"params": params}), flatten({"state": state}), seeds)

    def apply(self, variables: Variables, x: PyTree, *, training: bool, step: Array) -> Applied:
        made = unflatten(self._made, variables.weights)
        key = key_of(variables, step)
        given = {"state": made["state"], **dict.fromkeys(_KEYS, key)}
        leading = [made["params"], *(given[name] for name in self._leading)]

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._apply(*leading, *args, **kwargs)

        result = self._signature.call(call, x, training)
        output, state = result if self._has_state else (result, {})
        stats = flatten({"state": state}) if training else {}
        return Applied(output, {path: stats.get(path, a) for path, a in variables.stats.items()})
