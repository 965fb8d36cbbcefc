"""An Equinox module seen as pure functions."""

import sys
from collections.abc import Sequence
from typing import Any

import jax

from callbax._core._errors import explain
from callbax._core._types import Array, PyTree
from callbax._modules._held import Held, Trees, two
from callbax._modules._protocol import Part
from callbax._modules._signature import TRAINING_ARGUMENTS, Signature
from callbax._modules._traced import forms, watched


class EquinoxFunctional(Held):
    """A module that is written for one sample: it is called on all samples of a batch at once.

    A module with a true attribute `batched` is called on the batch itself. One that takes a `key`
    gets one for each sample (for the batch), in evaluation too, with its `inference` flags set.
    In training they are as the user left them, so that a frozen part may stay in inference.

    Args:
        module: The module; ``(module, state)`` as ``eqx.nn.make_with_state`` returns them.
    """

    @staticmethod
    def takes(module: Any) -> bool:
        if (eqx := _loaded()) is None:
            return False
        if isinstance(module, tuple) and len(module) == 2 and isinstance(module[1], eqx.nn.State):
            module = module[0]
        return isinstance(module, eqx.Module)

    def given(self, module: Any) -> Trees:
        module, state = module if isinstance(module, tuple) else (module, None)
        names = Signature(module).names
        inputs = [name for name in names if name not in ("key", *TRAINING_ARGUMENTS)]
        self._state_name = "state" if "state" in names or not inputs else inputs[-1]
        held = ("key",) if state is None else ("key", self._state_name)
        self._signature = Signature(module, held)
        self._batched = bool(getattr(module, "batched", False))
        self._check(module, state)
        return {"": module} if state is None else {"": module, "state": state}

    def show(self, trees: Trees | None) -> Any:
        module, *state = (trees or {}).values()
        return (module, *state) if state else module

    def compute(
        self, trees: Trees, x: PyTree, key: Array, training: bool
    ) -> tuple[PyTree, Trees, Array | None]:
        module, state = trees[""], trees.get("state")
        if not training:
            module = _loaded().nn.inference_mode(module)

        def call(x: PyTree, state: Any, key: Array) -> tuple[PyTree, Any]:
            arguments = {"key": key} if "key" in self._signature.names else {}
            if state is None:
                return self._signature.call(module, x, training, **arguments), None
            arguments[self._state_name] = state
            found = self._signature.call(module, x, training, **arguments)
            return two(found, f"{type(module).__name__}(x, state)", "the output and the state")

        with watched(_parts(module), self._form):
            if self._batched:
                output, state = call(x, state, key)
            else:
                keys = jax.random.split(key, jax.tree.leaves(x)[0].shape[0])
                axis = _axis_name(module)
                each = jax.vmap(call, in_axes=(0, None, 0), out_axes=(0, None), axis_name=axis)
                output, state = each(x, state, keys)
        return output, {} if state is None else {"state": state}, None

    def parts(self) -> list[Part]:
        module = (self._trees() or {})[""]
        return [Part(name, part) for name, part in _parts(module)]

    def size_of(self, part: Part) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(part.value) if hasattr(leaf, "size"))

    def _form(self, output: PyTree) -> PyTree:
        """Returns the shapes of a batch of a part's outputs, without the state beside them."""
        if isinstance(output, tuple) and output and isinstance(output[-1], _loaded().nn.State):
            output = output[0] if len(output) == 2 else output[:-1]
        form = forms(output)
        if self._batched:
            return form
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), form)

    def _check(self, module: Any, state: Any) -> None:
        eqx, name = _loaded(), type(module).__name__
        if not callable(module):
            raise TypeError(
                explain(
                    f"Model({name})",
                    expected="an Equinox module that can be called",
                    received=f"a {name}, which has no `__call__`",
                    action="Write `__call__(self, x)` for one sample.",
                )
            )
        if state is None and _nodes(module, eqx.nn.StateIndex):
            raise TypeError(
                explain(
                    f"Model({name})",
                    expected="the module and its state, as it keeps one",
                    received="the module alone",
                    action=f"Pass both: Model(eqx.nn.make_with_state({name})(...)).",
                )
            )


def _loaded() -> Any:
    """Returns the package ``equinox`` if it was imported; None if not."""
    return sys.modules.get("equinox")


def _nodes(module: Any, kind: Any) -> list[Any]:
    nodes = jax.tree.leaves(module, is_leaf=lambda node: isinstance(node, kind))
    return [node for node in nodes if isinstance(node, kind)]


def _axis_name(module: Any) -> Any:
    """Returns the name of the batch's axis: that over which batch normalizations average."""
    names = {norm.axis_name for norm in _nodes(module, _loaded().nn.BatchNorm)} or {"batch"}
    if len(names) == 1:
        return names.pop()
    raise ValueError(
        explain(
            f"Model({type(module).__name__})",
            expected="one name for the axis of the batch",
            received=f"batch normalizations over {sorted(map(str, names))}",
            action='Use one `axis_name` in all of them, such as "batch".',
        )
    )


def _parts(module: Any) -> list[tuple[str, Any]]:
    """Returns a module's direct parts with their names; the items of its lists are its own."""
    found: list[tuple[str, Any]] = []
    for name, value in vars(module).items():
        if isinstance(value, Sequence) and not isinstance(value, str):
            found += [(f"{name}_{i}", part) for i, part in enumerate(value)]
        else:
            found.append((name, value))
    return [(name, part) for name, part in found if isinstance(part, _loaded().Module)]
