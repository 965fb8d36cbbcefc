"""Numbers read from an optimizer: Python's own, with what Keras's variables have besides."""

from typing import Any, ClassVar, Protocol, Self

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from callbax._core._types import Array


class Rated(Protocol):
    """What has a learning rate that can be assigned."""

    learning_rate: Any


class Reading:
    """What a number read from an optimizer has of a scalar variable; copies of it are plain."""

    shape: tuple[()] = ()
    _dtype: ClassVar[type[np.number[Any]]]

    @property
    def value(self) -> Array:
        """The number as a scalar of JAX, of the dtype it has in training."""
        return jnp.asarray(self.numpy())

    def numpy(self) -> NDArray[Any]:
        """Returns the number as a scalar of NumPy, of the dtype it has in training."""
        return np.asarray(self, self._dtype)

    # A copy must not drag an optimizer along, and through it the whole model.
    def __reduce__(self) -> tuple[type, tuple[Any]]:
        number = self.numpy().item()
        return type(number), (number,)


class HyperParameter(Reading, float):
    """A number read from an optimizer, through which a new one can be assigned.

    It is a float in every respect: in arithmetic, formatting and comparison. Its value is the one
    at the moment of reading, rounded to float32 as it is in training. Copies and pickles of it
    are plain floats.

    Args:
        value: The number.
        optimizer: The optimizer it was read from.

    Example:
        >>> from callbax.optimizers.sgd import SGD
        >>> optimizer = SGD(0.1)
        >>> optimizer.learning_rate
        0.10000000149011612
        >>> optimizer.learning_rate.assign(0.5)
        >>> optimizer.learning_rate / 2
        0.25

    Differs from Keras: a variable there shows later changes; this stays as it was read.
    """

    _dtype = np.float32
    _optimizer: Rated

    def __new__(cls, value: float, optimizer: Rated) -> Self:
        parameter = super().__new__(cls, value)
        parameter._optimizer = optimizer
        return parameter

    def assign(self, value: object) -> None:
        """Sets the optimizer's learning rate, as ``optimizer.learning_rate = value`` does.

        Args:
            value: The new rate.
        """
        self._optimizer.learning_rate = value


class Count(Reading, int):
    """A number of updates at the moment of reading: an int in every respect."""

    _dtype = np.int32
