"""Devices, and how they are laid out."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import explain


def list_devices(device_type: str | None = None) -> list[str]:
    """Returns the devices of all processes, as Keras names them: ``"gpu:0"``.

    Args:
        device_type: "cpu", "gpu" or "tpu"; by default the kind that JAX prefers.

    Raises:
        RuntimeError: There is none of that kind.

    Example:
        >>> list_devices("cpu")[0]
        'cpu:0'
    """
    return [_name(device) for device in jax.devices(device_type)]


class DeviceMesh:
    """Devices in a grid whose dimensions have names.

    Args:
        shape: Devices along each dimension: ``(2, 4)``.
        axis_names: Names of the dimensions: ``("batch", "model")``.
        devices: Names of the devices, as `list_devices` returns them, or an array of them; by
            default all there are, in that order.

    Raises:
        ValueError: There are not as many names as dimensions, or not as many devices as they hold.

    Attributes:
        shape: Devices along each dimension.
        axis_names: Names of the dimensions.
        devices: Names of the devices, an array of that shape.

    Example:
        >>> mesh = DeviceMesh((1, 1), ("batch", "model"), list_devices("cpu")[:1])
        >>> mesh.axis_names, mesh.devices.shape
        (('batch', 'model'), (1, 1))
    """

    def __init__(
        self,
        shape: Sequence[int],
        axis_names: Sequence[str],
        devices: Sequence[Any] | NDArray[Any] | None = None,
    ) -> None:
        self.shape, self.axis_names = tuple(shape), tuple(axis_names)
        if not shape or len(self.shape) != len(self.axis_names):
            raise _bad(
                f"axis_names={list(axis_names)}",
                f"a name for each dimension of shape={list(shape)}",
                f"{len(self.axis_names)}",
                "Name every dimension once.",
            )
        if len(set(self.axis_names)) != len(self.axis_names):
            raise _bad(
                f"axis_names={list(axis_names)}", "names that differ", "one twice", "Rename it."
            )
        names = np.array(list_devices() if devices is None else devices).ravel()
        if names.size != math.prod(self.shape):
            raise _bad(
                f"shape={list(shape)}",
                f"{math.prod(self.shape)} devices",
                f"{names.size}: {', '.join(map(str, names[:8]))}{', ...' * (names.size > 8)}",
                "Choose a shape whose product is the number of devices, or pass as many `devices`.",
            )
        self.devices = names.reshape(self.shape)

    @functools.cached_property
    def backend_mesh(self) -> jax.sharding.Mesh:
        """The same as a mesh of JAX.

        Raises:
            ValueError: There is no device of a name.
        """
        known = {_name(device): device for device in _all_devices(self.devices.ravel())}
        missing = [name for name in self.devices.ravel() if name not in known]
        if missing:
            raise _bad(
                "devices=[...]",
                f"devices that exist: {', '.join(list(known)[:8])}",
                ", ".join(map(str, missing)),
                "Pass names that `list_devices` returns.",
            )
        found = np.array([known[name] for name in self.devices.ravel()], object)
        axis_types = (jax.sharding.AxisType.Auto,) * len(self.shape)
        return jax.sharding.Mesh(found.reshape(self.shape), self.axis_names, axis_types=axis_types)

    @classmethod
    def of(cls, mesh: jax.sharding.Mesh) -> "DeviceMesh":
        """Returns a mesh of JAX as one of these."""
        devices = np.array([_name(device) for device in mesh.devices.ravel()])
        return cls(mesh.devices.shape, mesh.axis_names, devices)

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy needs: names, by which another process finds its own devices."""
        return {name: value for name, value in vars(self).items() if name != "backend_mesh"}

    def __repr__(self) -> str:
        sizes = zip(self.axis_names, self.shape, strict=True)
        return f"<DeviceMesh {', '.join(f'{name}={size}' for name, size in sizes)}>"


def _all_devices(names: Any) -> list[jax.Device]:
    kinds = {str(name).partition(":")[0] for name in names}
    found: list[jax.Device] = []
    for kind in sorted(kinds):
        try:
            found += jax.devices(kind)
        except RuntimeError:
            continue  # what is missing is named by whoever asks
    return found


def _name(device: jax.Device) -> str:
    return f"{device.platform}:{device.id}"


def _bad(argument: str, expected: str, received: str, action: str) -> ValueError:
    return ValueError(
        explain(f"DeviceMesh({argument})", expected=expected, received=received, action=action)
    )
