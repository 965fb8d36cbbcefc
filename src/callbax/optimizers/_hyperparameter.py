"""Numbers of an optimizer that stay live: they always read as of the current batch."""

import math
import numbers
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from callbax._core._types import Array


class Rated(Protocol):
    """What has a learning rate that can be assigned."""

    learning_rate: Any


class Reading(numbers.Real):
    """A live scalar: in arithmetic, comparisons and formatting it is the number of the moment.

    While a step is traced, in a metric or a loss, it is the traced number of that step. Copies and
    pickles are plain numbers.

    Args:
        read: Returns the number, or the traced one.
    """

    shape: tuple[()] = ()
    _dtype: ClassVar[type[np.number[Any]]]

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read

    @property
    def value(self) -> Array:
        """The number as a scalar of JAX, of the dtype it has in training."""
        return jnp.asarray(self._read(), self._dtype)

    @property
    def dtype(self) -> str:
        """The dtype that it has in training."""
        return self._dtype.__name__

    def numpy(self) -> NDArray[Any]:
        """Returns the number as a scalar of NumPy, of the dtype it has in training."""
        return np.asarray(self._read(), self._dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.numpy(), dtype)

    def __jax_array__(self) -> Array:
        return self.value

    # A copy must not drag an optimizer along, and through it the whole model.
    def __reduce__(self) -> tuple[type, tuple[Any]]:
        number = self.numpy().item()
        return type(number), (number,)

    __hash__ = None  # type: ignore[assignment]  # equal to numbers, and not always to the same

    def __repr__(self) -> str:
        return repr(self._read())

    def __format__(self, spec: str) -> str:
        return format(self._read(), spec)

    def __float__(self) -> float:
        return float(self._read())

    def __int__(self) -> int:
        return int(self._read())

    def __trunc__(self) -> int:
        return int(self._read())

    def __floor__(self) -> int:
        return math.floor(float(self))

    def __ceil__(self) -> int:
        return math.ceil(float(self))

    def __round__(self, ndigits: int | None = None) -> Any:
        return round(self._read(), ndigits)

    def __abs__(self) -> Any:
        return abs(self._read())

    def __neg__(self) -> Any:
        return -self._read()

    def __pos__(self) -> Any:
        return +self._read()

    def __eq__(self, other: object) -> Any:
        return self._read() == other

    def __lt__(self, other: Any) -> Any:
        return self._read() < other

    def __le__(self, other: Any) -> Any:
        return self._read() <= other

    def __gt__(self, other: Any) -> Any:
        return self._read() > other

    def __ge__(self, other: Any) -> Any:
        return self._read() >= other

    def __add__(self, other: Any) -> Any:
        return self._read() + other

    def __radd__(self, other: Any) -> Any:
        return other + self._read()

    def __mul__(self, other: Any) -> Any:
        return self._read() * other

    def __rmul__(self, other: Any) -> Any:
        return other * self._read()

    def __truediv__(self, other: Any) -> Any:
        return self._read() / other

    def __rtruediv__(self, other: Any) -> Any:
        return other / self._read()

    def __floordiv__(self, other: Any) -> Any:
        return self._read() // other

    def __rfloordiv__(self, other: Any) -> Any:
        return other // self._read()

    def __mod__(self, other: Any) -> Any:
        return self._read() % other

    def __rmod__(self, other: Any) -> Any:
        return other % self._read()

    def __pow__(self, other: Any) -> Any:
        return self._read() ** other

    def __rpow__(self, other: Any) -> Any:
        return other ** self._read()


class HyperParameter(Reading):
    """The learning rate of an optimizer, live, through which a new one can be assigned.

    Args:
        read: Returns the rate.
        optimizer: The optimizer whose rate it is.

    Example:
        >>> from callbax.optimizers.sgd import SGD
        >>> optimizer = SGD(0.1)
        >>> rate = optimizer.learning_rate
        >>> rate
        0.10000000149011612
        >>> rate.assign(0.5)
        >>> rate / 2, optimizer.learning_rate
        (0.25, 0.5)

    Source: ``keras.Variable``, as far as scripts use it of a learning rate.
    """

    _dtype = np.float32

    def __init__(self, read: Callable[[], Any], optimizer: Rated) -> None:
        super().__init__(read)
        self._optimizer = optimizer

    def assign(self, value: object) -> None:
        """Sets the optimizer's learning rate, as ``optimizer.learning_rate = value`` does.

        Args:
            value: The new rate.
        """
        self._optimizer.learning_rate = value


class Count(Reading):
    """How many updates the weights have had, live."""

    _dtype = np.int32

    def __index__(self) -> int:
        return int(self._read())
