"""Distributions: how weights and batches are divided among devices."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from callbax._core._errors import explain
from callbax.distribution._agreement import PATIENCE_SECONDS
from callbax.distribution._current import distribution, set_distribution
from callbax.distribution._layout import Axes, LayoutMap, TensorLayout
from callbax.distribution._mesh import DeviceMesh, list_devices

BATCH = "batch"
"""Name of the dimension of a mesh that is made here."""


class Distribution:
    """How weights and batches are divided among the devices of a mesh.

    Subclasses say how weights are divided; the samples of every batch are divided along one
    dimension of the mesh.

    Args:
        device_mesh: The mesh.
        batch_dim_name: The dimension of the mesh along which batches are divided; the first one by
            default.
        auto_shard_dataset: Not used: arrays are given whole in every process, and every process
            reads its own share of an iterable.
        patience: Seconds that processes wait for each other where they have to agree. Not in Keras.

    Raises:
        ValueError: The mesh has no dimension of that name.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._mesh, self.patience = device_mesh, patience
        self._batch_dim_name = batch_dim_name or device_mesh.axis_names[0]
        self.auto_shard_dataset = auto_shard_dataset
        if self._batch_dim_name not in device_mesh.axis_names:
            raise ValueError(
                explain(
                    f"{type(self).__name__}(batch_dim_name={batch_dim_name!r})",
                    expected=f"a dimension of the mesh: {', '.join(device_mesh.axis_names)}",
                    received="a name that it has not",
                    action="Use one of its `axis_names`.",
                )
            )

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh."""
        return self._mesh

    @property
    def batch_dim_name(self) -> str:
        """The dimension of the mesh along which batches are divided."""
        return self._batch_dim_name

    @property
    def num_model_replicas(self) -> int:
        """How many parts a batch is divided into."""
        return self._mesh.shape[self._mesh.axis_names.index(self._batch_dim_name)]

    @property
    def num_processes(self) -> int:
        """How many processes there are."""
        return int(jax.process_count())

    def get_data_layout(self, data_shape: Sequence[int]) -> TensorLayout:
        """Returns how a batch of a shape is divided: by samples."""
        return TensorLayout([self._batch_dim_name, *[None] * (len(data_shape) - 1)], self._mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Returns how a weight, anything with a ``path`` and a ``shape``, is divided."""
        return TensorLayout(self.axes_of(variable.path, tuple(variable.shape)), self._mesh)

    def axes_of(self, path: str, shape: tuple[int, ...]) -> Axes:
        """Returns how the dimensions of a weight are divided; by default none is.

        Args:
            path: Its path, as ``model.weights`` names it.
            shape: Its shape.

        Raises:
            ValueError: It cannot be divided so.
        """
        return (None,) * len(shape)

    def unmatched(self, paths: Sequence[str]) -> list[str]:
        """Returns the rules that none of the weights goes by."""
        return []

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Lets models that are made inside take this distribution."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._mesh!r}>"


class DataParallel(Distribution):
    """Divides the samples of every batch; every device has all weights, or a share of them.

    Args:
        device_mesh: A mesh of one dimension; of several, the first one divides batches.
        devices: Names of devices, for a mesh of one dimension; by default all there are.
        auto_shard_dataset: Not used, as `Distribution` says.
        shard_state: Whether weights and the optimizer's state are divided too (FSDP): each array
            along its longest dimension that the number of devices divides. Arrays that have none
            are whole on every device. Not in Keras.
        patience: As for `Distribution`.

    Raises:
        ValueError: Both a mesh and devices were given.

    Example:
        >>> DataParallel(devices=["cpu:0"]).num_model_replicas
        1
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
        *,
        shard_state: bool = False,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        if device_mesh is not None and devices is not None:
            raise ValueError(
                explain(
                    "DataParallel",
                    expected="a `device_mesh` or `devices`",
                    received="both",
                    action="A mesh has its devices: pass it alone.",
                )
            )
        if device_mesh is None:
            names = np.array(list_devices() if devices is None else devices)
            device_mesh = DeviceMesh((names.size,), (BATCH,), names)
        super().__init__(device_mesh, None, auto_shard_dataset, patience=patience)
        self.shard_state = shard_state

    def axes_of(self, path: str, shape: tuple[int, ...]) -> Axes:
        """Returns how the dimensions of a weight are divided."""
        axes: list[str | None] = [None] * len(shape)
        count = self.num_model_replicas
        whole = [size if size and size % count == 0 else 0 for size in shape]
        if self.shard_state and any(whole):
            axes[int(np.argmax(whole))] = self.batch_dim_name
        return tuple(axes)


class ModelParallel(Distribution):
    """Divides weights by rules, and the samples of every batch.

    Args:
        layout_map: The rules; a weight that none matches is whole on every device.
        batch_dim_name: The dimension of the mesh along which batches are divided; the first one by
            default. Any other may divide weights; the same one does both, too.
        auto_shard_dataset: Not used, as `Distribution` says.
        patience: As for `Distribution`.

    Raises:
        TypeError: There is no `LayoutMap`.

    Example:
        >>> mesh = DeviceMesh((1, 1), ("batch", "model"), ["cpu:0"])
        >>> layout_map = LayoutMap(mesh)
        >>> layout_map[".*kernel"] = (None, "model")
        >>> ModelParallel(layout_map=layout_map).axes_of("dense/kernel", (4, 8))
        (None, 'model')
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        if not isinstance(layout_map, LayoutMap):
            raise TypeError(
                explain(
                    "ModelParallel(layout_map=...)",
                    expected="a `LayoutMap`",
                    received=f"a {type(layout_map).__name__}",
                    action="Make a `LayoutMap(device_mesh)` and give it rules.",
                )
            )
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name, auto_shard_dataset, patience=patience)
        self.layout_map = layout_map

    def axes_of(self, path: str, shape: tuple[int, ...]) -> Axes:
        """Returns how the dimensions of a weight are divided.

        Raises:
            ValueError: A rule divides more dimensions than it has, or one that cannot be divided.
        """
        layout = self.layout_map[path]
        if layout is None:
            return super().axes_of(path, shape)
        sizes = dict(zip(self.device_mesh.axis_names, self.device_mesh.shape, strict=True))
        if len(layout.axes) > len(shape):
            raise self._unfit(path, shape, layout, f"at most {len(shape)} dimensions")
        for size, axis in zip(shape, layout.axes, strict=False):
            if axis is not None and size % sizes[axis]:
                raise self._unfit(
                    path, shape, layout, f"{axis!r} to divide a multiple of {sizes[axis]}"
                )
        return layout.axes

    def unmatched(self, paths: Sequence[str]) -> list[str]:
        """Returns the rules that none of the weights goes by."""
        used = {self.layout_map.rule(path) for path in paths}
        return [rule for rule in self.layout_map if rule not in used]

    def _unfit(
        self, path: str, shape: tuple[int, ...], layout: TensorLayout, expected: str
    ) -> ValueError:
        return ValueError(
            explain(
                f"LayoutMap[{self.layout_map.rule(path)!r}] = {layout.axes}",
                expected=f"{expected}, for the weight {path!r} of shape {shape}",
                received=f"{layout.axes} on {self.device_mesh!r}",
                action="Divide another dimension, or leave the weight whole.",
            )
        )
