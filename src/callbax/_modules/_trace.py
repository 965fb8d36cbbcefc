"""Tracing a module without running it."""

from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._types import PyTree
from callbax._modules._protocol import Functional, Variables


def trace(functional: Functional, variables: Variables, x: PyTree) -> tuple[Any, PyTree]:
    """Returns a module's computation as a jaxpr, and its output's shapes and dtypes.

    Args:
        functional: The module, built.
        variables: Its arrays.
        x: The input, arrays or their shapes and dtypes.
    """

    def forward(variables: Variables, x: PyTree) -> PyTree:
        step = jnp.zeros((), jnp.int32)
        return functional.apply(variables, x, training=False, step=step).output

    closed, spec = jax.make_jaxpr(forward, return_shape=True)(variables, x)
    return closed.jaxpr, spec
