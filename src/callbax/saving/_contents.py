"""What weights files hold, whatever their format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

OPTIMIZER = "optimizer/vars/"
"""Where a file keeps the optimizer's variables: here, numbered from 0."""


@dataclass(frozen=True)
class Contents:
    """The arrays of a model under the keys that files use.

    Attributes:
        weights: Key -> array. Keys of layers follow Keras, as in ``layers/dense/vars/0``.
        names: Group of keys -> name of the layer that it belongs to.
        optimizer: The optimizer's variables in Keras's order; ``None`` if there is none.
        fresh: How many of them a file holds that was written before the first step.
        paths: Key of a weight -> its path in the model, as in ``sequential/dense/kernel``.
    """

    weights: Mapping[str, Any]
    names: Mapping[str, str] = field(default_factory=dict)
    optimizer: list[Any] | None = None
    fresh: int = 0
    paths: Mapping[str, str] = field(default_factory=dict)

    def arrays(self, *, with_optimizer: bool = True) -> dict[str, NDArray[Any]]:
        """Returns key -> array, the optimizer's variables among them."""
        weights = {key: np.asarray(array) for key, array in self.weights.items()}
        return weights | (self.optimizer_arrays() if with_optimizer else {})

    def optimizer_arrays(self) -> dict[str, NDArray[Any]]:
        """Returns key -> array of the optimizer's variables alone."""
        variables = enumerate(self.optimizer or [])
        return {f"{OPTIMIZER}{i}": np.asarray(variable) for i, variable in variables}


class Stored(Protocol):
    """An open weights file.

    Attributes:
        shapes: Key -> shape of every array in it.
        keeps_optimizer: Whether files of this format hold an optimizer's variables.
    """

    shapes: dict[str, tuple[int, ...]]
    keeps_optimizer: bool

    def read(self, keys: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Returns the arrays under these keys.

        Raises:
            ValueError: An array is not what was written.
        """
