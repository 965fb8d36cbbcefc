"""One device, many devices, many machines: how weights and batches are divided among them."""

from callbax.distribution._cluster import initialize
from callbax.distribution._current import distribution, set_distribution
from callbax.distribution._distributions import DataParallel, Distribution, ModelParallel
from callbax.distribution._layout import LayoutMap, TensorLayout, distribute_tensor
from callbax.distribution._mesh import DeviceMesh, list_devices

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "Distribution",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "distribute_tensor",
    "distribution",
    "initialize",
    "list_devices",
    "set_distribution",
]
