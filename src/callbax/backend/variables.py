"""Variables for losses and metrics, as scripts written for TensorFlow 2 make them."""

from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from numpy.typing import NDArray

from callbax._core._types import Array, ArrayLike


class BackendVariable(nnx.Variable[Array]):
    """A number or an array that a callback may change while a loss or metric reads it."""

    def assign(self, value: ArrayLike) -> None:
        """Sets the value, of the shape and dtype that it has; it counts from the next step on.

        Raises:
            ValueError: The shape differs.
        """
        old = self.get_value()
        self.set_value(jnp.broadcast_to(jnp.asarray(value, old.dtype), old.shape))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # NNX would return the array alone.
        again = memo[id(self)] = type(self)(self.get_value(), **self.get_metadata())
        return again

    def numpy(self) -> NDArray[Any]:
        """Returns the value as an array of NumPy."""
        return np.asarray(self.get_value())


def variable(
    value: ArrayLike, dtype: DTypeLike | None = None, name: str | None = None
) -> BackendVariable:
    """Makes a variable that callbacks set and losses or metrics read, such as a weight that grows.

    A change counts from the next step on, and nothing is compiled again for it. An ``nnx.Variable``
    does the same.

    Args:
        value: Its first value.
        dtype: Its dtype, float32 by default.
        name: Its name, for whoever prints it.

    Example:
        >>> weight = variable(0.0)
        >>> def loss(y_true, y_pred):
        ...     return weight * jnp.abs(y_true - y_pred)
        >>> weight.assign(0.5)
        >>> float(loss(1.0, 3.0))
        1.0

    Source: ``tf.keras.backend.variable`` of TensorFlow 2.
    """
    return BackendVariable(jnp.asarray(value, dtype or jnp.float32), name=name)
