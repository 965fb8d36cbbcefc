"""A Flax Linen module seen as pure functions."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from callbax._core._types import Array, PyTree
from callbax._modules._held import Held, Trees
from callbax._modules._protocol import Part
from callbax._modules._signature import Signature
from callbax._modules._traced import Outputs, forms

_SOWN = ("losses", "intermediates")
"""Collections that a call fills afresh: they are not part of the state."""


class LinenFunctional(Held):
    """A module that is initialised for its first batch; bound to variables, it starts from them.

    Collections other than `params` are statistics, which training updates. What the module sows
    into `losses` is added to the loss. Random streams of any name derive from one key.

    Args:
        module: The module, bound or not.
    """

    _found: Mapping[str, Any] = MappingProxyType({})
    """Name of a direct part -> the part, as far as a call has told."""

    @staticmethod
    def takes(module: Any) -> bool:
        return isinstance(module, nn.Module)

    def given(self, module: Any) -> Trees | None:
        self._signature = Signature(module)
        if module.scope is None:
            self._module = module
            return None
        self._module, variables = module.unbind()
        return _trees(variables)

    def show(self, trees: Trees | None) -> Any:
        return self._module if trees is None else self._module.bind(trees[""])

    def initial(self, x: PyTree, key: Array) -> Trees:
        init = partial(self._module.init, key, mutable=nn.DenyList(_SOWN))
        return _trees(self._signature.call(init, x, False))

    def can_train(self, path: str) -> bool:
        return path.startswith("params/")

    def compute(
        self, trees: Trees, x: PyTree, key: Array, training: bool
    ) -> tuple[PyTree, Trees, Array | None]:
        variables = trees[""]
        streams = ("params", "dropout") if training else ("params",)
        rngs = dict(zip(streams, jax.random.split(key, len(streams)), strict=True))
        mutable = [*(name for name in variables if name != "params"), "losses"]
        apply = partial(self._module.apply, variables, rngs=rngs, mutable=mutable)
        output, changed = self._signature.call(apply, x, training)
        changed = dict(changed)
        losses = jax.tree.leaves(changed.pop("losses", ()))
        total = sum((jnp.sum(loss) for loss in losses), start=jnp.zeros((), jnp.float32))
        return output, {"": changed}, total if losses else None

    def parts(self) -> list[Part]:
        if self.outputs():  # only a call tells the parts of a compact module
            return [Part(name, module) for name, module in self._found.items()]
        params = (self._trees() or {"": {}})[""].get("params", {})
        return [Part(name, part) for name, part in params.items() if isinstance(part, dict)]

    def size_of(self, part: Part) -> int:
        sizes = {path: array.size for path, array in self._weights().items()}
        return sum(size for path, size in sizes.items() if path.split("/")[1] == part.name)

    def _traced(self, inputs: PyTree) -> tuple[tuple[PyTree, PyTree], Outputs]:
        outputs: Outputs = {}
        found: dict[str, Any] = {}

        def note(function: Any, args: Any, kwargs: Any, context: Any) -> Any:
            output, module = function(*args, **kwargs), context.module
            if context.method_name == "__call__" and len(module.path) == 1:
                found[module.name] = module.clone(parent=None)
                outputs[module.name] = forms(output)
            return output

        with nn.intercept_methods(note):
            shapes, _ = super()._traced(inputs)
        self._found = found
        return shapes, outputs


def _trees(variables: Any) -> Trees:
    kept = {name: values for name, values in variables.items() if name not in _SOWN}
    return {"": nn.unbox(_plain(kept))}


def _plain(variables: Any) -> Any:
    """Returns nested dicts; Flax may freeze them."""
    if isinstance(variables, Mapping):
        return {name: _plain(value) for name, value in variables.items()}
    return variables
