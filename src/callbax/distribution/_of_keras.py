"""A distribution of Keras, for a model of Keras."""

from types import SimpleNamespace
from typing import Any

from callbax.distribution._distributions import Distribution
from callbax.distribution._layout import Axes
from callbax.distribution._mesh import DeviceMesh


class OfKeras(Distribution):
    """Divides weights and batches as ``keras.distribution`` says.

    Args:
        chosen: What ``keras.distribution.distribution()`` returned.
    """

    def __init__(self, chosen: Any) -> None:
        mesh = chosen.device_mesh
        super().__init__(
            DeviceMesh(mesh.shape, mesh.axis_names, mesh.devices), chosen.batch_dim_name
        )
        self._chosen = chosen

    def axes_of(self, path: str, shape: tuple[int, ...]) -> Axes:
        """Returns how the dimensions of a weight are divided."""
        layout = self._chosen.get_variable_layout(SimpleNamespace(path=path, shape=shape))
        return tuple(layout.axes)
