"""Deep copies of modules."""

import copy
from typing import Any

from flax import nnx


def copied(module: Any, memo: dict[int, Any]) -> Any:
    """Returns a deep copy of a module.

    NNX's own copy would part what other objects that are copied along refer to, and forget in
    which order weights were made.

    Args:
        module: Any ``nnx.Module``.
        memo: What ``copy.deepcopy`` keeps of the objects that it has copied.
    """
    nodes = [node for _, node in nnx.iter_graph(module)]
    parts = [node for node in nodes if isinstance(node, nnx.Pytree)]
    memo |= {id(node): _copied(node) for node in nodes if isinstance(node, nnx.Variable)}
    memo |= {id(part): object.__new__(type(part)) for part in parts}
    for part in parts:
        vars(memo[id(part)]).update(
            {name: copy.deepcopy(value, memo) for name, value in vars(part).items()}
        )
    return memo[id(module)]


def _copied(variable: Any) -> Any:
    """Returns a variable with a copy of the array; ``copy.deepcopy`` would return the array."""
    make, arguments, *state = variable.__reduce_ex__(4)
    again = make(*arguments)
    if state:
        again.__setstate__(state[0])
    again.set_raw_value(copy.deepcopy(again.get_raw_value()))
    return again
