"""An Equinox module seen as pure functions."""

import sys
from collections.abc import Callable
from typing import Any

import jax

from callbax._core._types import Array, PyTree
from callbax._modules._outputs import recorded
from callbax._modules._protocol import Applied, Functional, Part, Variables
from callbax._modules._signature import Signature
from callbax._modules._value import Trainable, ValueFunctional, flatten, key_of, unflatten

_GIVEN = ("key", "state")
"""Arguments by which Equinox's layers take randomness, and their statistics."""


def equinox_functional(module: Any, trainable: Trainable | None = None) -> Functional | None:
    """Returns an Equinox module as pure functions; None for anything else.

    Args:
        module: An ``eqx.Module`` that maps one sample to its output; or a tuple of one and its
            ``eqx.nn.State``, as ``eqx.nn.make_with_state`` returns them.
        trainable: Which arrays training changes.
    """
    equinox: Any = sys.modules.get("equinox")
    if equinox is None:
        return None
    pair = module if isinstance(module, tuple) and len(module) == 2 else (module, None)
    state_kind = (equinox.nn.State, type(None))
    if not isinstance(pair[0], equinox.Module) or not isinstance(pair[1], state_kind):
        return None
    return EquinoxFunctional(*pair, trainable=trainable)


class EquinoxFunctional(ValueFunctional):
    """Maps a module for single samples over a batch, each with a key of its own.

    Statistics are averaged over the batch by the layers themselves, by the axis name "batch".

    Args:
        module: The module.
        state: Its ``eqx.nn.State``; None if it has none.
        trainable: Which arrays training changes.
    """

    def __init__(self, module: Any, state: Any, *, trainable: Trainable | None) -> None:
        super().__init__(module, trainable)
        self._equinox: Any = sys.modules["equinox"]
        self._state = state
        arrays, self._static = self._equinox.partition(module, self._equinox.is_array)
        params, others = self._equinox.partition(arrays, self._equinox.is_inexact_array)
        self._arrays = arrays
        self.hold(flatten(params), flatten(others) | flatten({"state": state}), None)
        self._signature = Signature(module, _GIVEN)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_equinox": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _equinox=sys.modules["equinox"])

    def with_arrays(self, variables: Variables) -> Any:
        arrays = unflatten(self._arrays, variables.weights)
        return self._equinox.combine(arrays, self._static)

    def apply(self, variables: Variables, x: PyTree, *, training: bool, step: Array) -> Applied:
        return self._run(variables, x, training=training, step=step)

    def _run(
        self,
        variables: Variables,
        x: PyTree,
        *,
        training: bool,
        step: Array,
        observe: Callable[[Any], None] | None = None,
    ) -> Applied:
        module = self._equinox.nn.inference_mode(self.with_arrays(variables), value=not training)
        if observe is not None:
            observe(module)
        samples = jax.tree.leaves(x)[0].shape[0]
        keys = jax.random.split(key_of(variables, step), samples)
        names = self._signature.names & {*_GIVEN}
        state = None if self._state is None else unflatten({"state": self._state}, variables.stats)

        def one(x: PyTree, key: Array) -> PyTree:
            given = {"key": key, "state": None if state is None else state["state"]}
            extra = {name: given[name] for name in names}
            return self._signature.call(module, x, training, **extra)

        if state is None:
            output = jax.vmap(one, axis_name="batch")(x, keys)
            return Applied(output, variables.stats)
        output, after = jax.vmap(one, axis_name="batch", out_axes=(0, None))(x, keys)
        moved = flatten({"state": after}) if training else {}
        return Applied(output, {path: moved.get(path, a) for path, a in variables.stats.items()})

    def parts(self) -> list[Part]:
        module, kind = self.module, self._equinox.Module
        return [Part(name, part) for name, part in vars(module).items() if isinstance(part, kind)]

    def outputs(self, x: PyTree) -> dict[str, PyTree]:
        found: dict[str, PyTree] = {}

        def run(variables: Variables, x: PyTree) -> PyTree:
            def observe(module: Any) -> None:
                recorded(module, self._equinox.Module, found)

            return self._run(variables, x, training=False, step=jax.numpy.int32(0), observe=observe)

        jax.eval_shape(run, self.read(), x)
        return {
            name: jax.tree.map(lambda s: jax.ShapeDtypeStruct((1, *s.shape), s.dtype), spec)
            for name, spec in found.items()
        }

    def size_of(self, part: Any) -> int:
        arrays = self._equinox.filter(part, self._equinox.is_array)
        return sum(leaf.size for leaf in jax.tree.leaves(arrays))
