"""The base class of initializers."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Self

import jax.numpy as jnp
from jax.typing import DTypeLike

from callbax._core._budget import spend
from callbax._core._config import config_of
from callbax._core._errors import explain
from callbax._core._types import Array


class Initializer:
    """Makes the first values of a weight.

    Subclass it for a rule of your own: override `__call__`; keep the constructor's arguments as
    attributes of the same names, and `get_config` knows them.

    Example:
        >>> import jax.numpy as jnp
        >>> class Halves(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return jnp.full(shape, 0.5, dtype)
        >>> Halves()((2,)).tolist()
        [0.5, 0.5]

    Source: ``keras.initializers.Initializer``.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__call__" in vars(cls):
            cls.__call__ = _counted(cls.__call__)  # type: ignore[method-assign]

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """Returns the values.

        Args:
            shape: Shape of the weight.
            dtype: Dtype of the weight; ``None`` for float32.

        Raises:
            NotImplementedError: The subclass does not override this method.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__}()(shape)",
                expected="an initializer that overrides `__call__(self, shape, dtype=None)`",
                received="one that does not",
                action="Define `__call__` and return an array of that shape.",
            )
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, from which `from_config` makes an equal one."""
        return config_of(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes an initializer from what `get_config` returned.

        Args:
            config: The constructor's arguments by name.
        """
        return cls(**config)

    def clone(self) -> Self:
        """Returns a new one with the same arguments; if the seed was open, with a new seed."""
        return self.from_config(self.get_config())


def _counted(call: Callable[..., Array]) -> Callable[..., Array]:
    """Returns an initializer's `__call__` that first counts what it makes, for files."""

    @wraps(call)
    def counted(
        self: Initializer, shape: Sequence[int], dtype: DTypeLike | None = None, **kwargs: Any
    ) -> Array:
        spend(shape, dtype or jnp.float32)
        return call(self, shape, dtype, **kwargs)

    return counted
