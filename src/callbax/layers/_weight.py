"""The variables that layers make: those of NNX, with the methods of Keras's."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.typing import NDArray

from callbax._core._errors import describe, explain
from callbax._core._types import Array, ArrayLike


class Assignable(nnx.Variable[Array]):
    """A variable that may be assigned to as in Keras, in a layer's `call` too."""

    __slots__ = ()

    def assign(self, value: ArrayLike) -> Array:
        """Replaces the value, and returns the new one.

        Args:
            value: An array of the variable's shape; it gets the variable's dtype.

        Raises:
            ValueError: The shape differs.
        """
        old = self.get_value()
        new = jnp.asarray(value, old.dtype)
        if new.shape != old.shape:
            raise ValueError(
                explain(
                    "variable.assign(value)",
                    expected=f"an array of shape {old.shape}",
                    received=describe(new),
                    action="A variable keeps the shape that it was made with.",
                )
            )
        self.set_value(new)
        return new

    def assign_add(self, value: ArrayLike) -> Array:
        """Adds to the value, and returns the new one."""
        return self.assign(self.get_value() + value)

    def assign_sub(self, value: ArrayLike) -> Array:
        """Subtracts from the value, and returns the new one."""
        return self.assign(self.get_value() - value)

    def numpy(self) -> NDArray[Any]:
        """Returns a copy of the value."""
        return np.array(self.get_value())


class Trained(Assignable, nnx.Param[Array]):
    """A weight that gradients change."""

    __slots__ = ()


class Kept(Assignable):
    """A weight that gradients leave alone."""

    __slots__ = ()
