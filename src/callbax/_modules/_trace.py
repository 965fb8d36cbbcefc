"""Tracing a module without running it."""

from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._errors import describe, explain
from callbax._core._types import PyTree
from callbax._modules._protocol import Functional, Variables


def trace(functional: Functional, variables: Variables, x: PyTree) -> tuple[Any, PyTree]:
    """Returns a module's computation as a jaxpr, and its output's shapes and dtypes.

    Args:
        functional: The module, built.
        variables: Its arrays.
        x: The input, arrays or their shapes and dtypes.

    Raises:
        TypeError: It returns nothing.
    """

    def forward(variables: Variables, x: PyTree) -> PyTree:
        step = jnp.zeros((), jnp.int32)
        return functional.apply(variables, x, training=False, step=step).output

    closed, spec = jax.make_jaxpr(forward, return_shape=True)(variables, x)
    if not jax.tree.leaves(spec):
        raise TypeError(
            explain(
                f"{type(functional.module).__name__}(inputs)",
                expected="an array, or a dict or tuple of arrays",
                received=describe(spec),
                action="End the call of the module with `return` and its output.",
            )
        )
    return closed.jaxpr, spec
