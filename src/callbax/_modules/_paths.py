"""The arrays of pytrees, by paths."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from callbax._core._errors import explain
from callbax._core._types import PyTree
from callbax._modules._protocol import Arrays


class Paths:
    """Pytrees seen as a flat dict of their arrays; all else in them stays as it is.

    Args:
        trees: What goes before the paths of a tree, such as "state" -> the tree; "" for nothing.

    Attributes:
        structure: How their leaves make up the trees.
        constants: The leaves in order, None in the place of arrays.
        main: Paths of arrays in the tree that nothing goes before.
        forms: Path of an array -> its shape and dtype, in the order of ``jax.tree.leaves``.

    Raises:
        ValueError: Two arrays have one path.
    """

    def __init__(self, trees: Mapping[str, PyTree]) -> None:
        leaves, structure = jax.tree_util.tree_flatten_with_path(dict(trees))
        found = [(_path(keys), leaf) for keys, leaf in leaves]
        counts = Counter(path for path, leaf in found if is_weight(leaf))
        if twice := [path for path, count in counts.items() if count > 1]:
            raise ValueError(
                explain(
                    "Model(module)",
                    expected="weights of which each has a path of its own",
                    received=f"two at {twice[0]}",
                    action="Use names without slashes.",
                )
            )
        self.main = {_path(keys) for keys, _ in leaves if not keys[0].key}
        self._paths = [path for path, _ in found]
        self.structure: Any = structure
        self.constants = [None if is_weight(leaf) else leaf for _, leaf in found]
        self.forms = {path: (leaf.shape, leaf.dtype) for path, leaf in found if is_weight(leaf)}

    def trees(self, arrays: Mapping[str, Any]) -> dict[str, PyTree]:
        """Returns the trees with other arrays in them."""
        leaves = [
            arrays.get(path) if constant is None else constant
            for path, constant in zip(self._paths, self.constants, strict=True)
        ]
        trees: dict[str, PyTree] = jax.tree.unflatten(self.structure, leaves)
        return trees

    def same_but_for_arrays(self, other: "Paths") -> bool:
        """Returns whether other trees differ in arrays alone, and in none of their shapes."""
        pairs = zip(self.constants, other.constants, strict=False)
        return (
            self.structure == other.structure
            and self.forms == other.forms
            and all(one is two or bool(np.all(one == two)) for one, two in pairs)
        )


def arrays_of(trees: Mapping[str, PyTree]) -> Arrays:
    """Returns path -> array of trees such as `Paths` takes."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(dict(trees))
    # With a dtype, since arrays made of numbers of Python have a weak one, and steps return none.
    return {_path(keys): jnp.asarray(leaf, leaf.dtype) for keys, leaf in leaves if is_weight(leaf)}


def is_weight(leaf: Any) -> bool:
    """Returns whether a leaf is an array of numbers; random keys are none."""
    return isinstance(leaf, jax.Array | np.ndarray) and not jnp.issubdtype(
        leaf.dtype, jax.dtypes.prng_key
    )


def _path(keys: Any) -> str:
    first, *rest = keys
    name = jax.tree_util.keystr(rest, simple=True, separator="/")
    return "/".join(part for part in (first.key, name) if part)
