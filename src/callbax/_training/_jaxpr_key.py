"""When two computations are the same."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

_DERIVATIVES = ("jvp_jaxpr_fun", "jvp_jaxpr_thunk", "fwd_jaxpr_thunk", "bwd")
"""Parameters that only say how to differentiate what is not differentiated any more."""


class IncomparableError(Exception):
    """A computation holds what must not be compared or kept."""


def key_of(closed: ClosedJaxpr, constant_bytes: int) -> Hashable:
    """Returns a value that is equal for two jaxprs only if they compute the same.

    Operations, their operands by number, and their parameters are compared: arrays and numbers by
    their bits, whatever else by its own ``==``, which is identity for functions. What is not known
    to be equal is therefore different. Names and places in the source do not count.

    Args:
        closed: The computation.
        constant_bytes: Bytes of constants up to which it may be compared.

    Raises:
        IncomparableError: Its constants are larger.
    """
    if sum(constant.nbytes for constant in constants_of(closed)) > constant_bytes:
        raise IncomparableError
    return _Key().closed(closed)


def constants_of(closed: ClosedJaxpr) -> Iterator[Any]:
    """Yields the arrays that a computation holds, of computations within it too."""
    for constant in closed.consts:
        is_key = jnp.issubdtype(constant.dtype, jax.dtypes.prng_key)
        yield jax.random.key_data(constant) if is_key else constant
    for equation in closed.jaxpr.eqns:
        for inner in jax.tree.leaves(equation.params, is_leaf=_is_closed):
            if _is_closed(inner):
                yield from constants_of(inner)


def _is_closed(value: Any) -> bool:
    return isinstance(value, ClosedJaxpr)


class _Key:
    """Numbers the variables of a computation in the order in which they are met."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def closed(self, closed: ClosedJaxpr) -> Hashable:
        return self.jaxpr(closed.jaxpr), tuple(self.value(const) for const in closed.consts)

    def jaxpr(self, jaxpr: Jaxpr) -> Hashable:
        return (
            self.atoms(jaxpr.constvars),
            self.atoms(jaxpr.invars),
            tuple(self.equation(equation) for equation in jaxpr.eqns),
            self.atoms(jaxpr.outvars),
        )

    def equation(self, equation: Any) -> Hashable:
        parameters = {
            name: value for name, value in equation.params.items() if name not in _DERIVATIVES
        }
        return (
            equation.primitive,
            self.atoms(equation.invars),
            self.atoms(equation.outvars),
            self.value(parameters),
            equation.ctx,
            frozenset(equation.effects),
        )

    def atoms(self, atoms: Any) -> Hashable:
        return tuple(
            (atom.aval, self.value(atom.val))
            if isinstance(atom, Literal)
            else (atom.aval, self._numbers.setdefault(atom, len(self._numbers)))
            for atom in atoms
        )

    def value(self, value: Any) -> Hashable:
        if isinstance(value, ClosedJaxpr):
            return _Key().closed(value)
        if isinstance(value, Jaxpr):
            return _Key().jaxpr(value)
        if isinstance(value, jax.Array | np.ndarray | np.generic):
            where = (value.sharding, value.committed) if isinstance(value, jax.Array) else ()
            bits = np.asarray(value)
            return type(value), value.dtype, bits.shape, bits.tobytes(), where
        if isinstance(value, float | complex):  # 0.0 == -0.0, and NaN is not itself
            return type(value), repr(value)
        if isinstance(value, Mapping):
            return dict, tuple((name, self.value(value[name])) for name in sorted(value))
        if type(value) in (tuple, list):
            return type(value), tuple(self.value(item) for item in value)
        return type(value), value
