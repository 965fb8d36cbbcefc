"""How the dimensions of arrays are divided among devices."""

import re
from collections.abc import Iterator, MutableMapping, Sequence

import jax
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from callbax._core._errors import explain
from callbax._core._types import Array
from callbax.distribution._mesh import DeviceMesh

Axes = tuple[str | None, ...]
"""For each dimension of an array the name of a mesh dimension that divides it, or None."""


class TensorLayout:
    """How the dimensions of one array are divided.

    Args:
        axes: For each dimension of the array the name of a dimension of the mesh, or None for one
            that is not divided.
        device_mesh: The mesh; without it, that of the `LayoutMap` in which it is put.

    Raises:
        ValueError: The mesh has no dimension of a name, or one divides two dimensions.

    Example:
        >>> TensorLayout((None, "model")).axes
        (None, 'model')
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self.axes: Axes = tuple(axes)
        self._mesh: DeviceMesh | None = None
        self._check_names(device_mesh)
        self._mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._mesh is not None:
            raise ValueError(
                explain(
                    "TensorLayout.device_mesh = ...",
                    expected="a layout without a mesh",
                    received=f"one on {self._mesh!r}",
                    action="Make another `TensorLayout`.",
                )
            )
        self._check_names(device_mesh)
        self._mesh = device_mesh

    @property
    def backend_layout(self) -> NamedSharding:
        """The same as a sharding of JAX.

        Raises:
            ValueError: It has no mesh yet.
        """
        if self._mesh is None:
            raise ValueError(
                explain(
                    "TensorLayout.backend_layout",
                    expected="a layout on a mesh",
                    received="one without",
                    action="Pass `device_mesh`.",
                )
            )
        return NamedSharding(self._mesh.backend_mesh, partition(self.axes))

    def _check_names(self, mesh: DeviceMesh | None) -> None:
        named = [axis for axis in self.axes if axis is not None]
        known = named if mesh is None else list(mesh.axis_names)
        unknown = [axis for axis in named if axis not in known]
        if unknown or len(set(named)) != len(named):
            raise ValueError(
                explain(
                    f"TensorLayout(axes={self.axes})",
                    expected=f"names of mesh dimensions ({', '.join(map(repr, known))}), each at "
                    "most once, or None",
                    received=f"unknown: {unknown}" if unknown else "one of them twice",
                    action="Use the `axis_names` of the mesh.",
                )
            )

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes} on {self._mesh!r}>"


class LayoutMap(MutableMapping[str, TensorLayout]):
    """Regular expression for paths of weights -> layout.

    A path that is a key itself has that layout; any other has the layout of the one key that
    matches all of it (``re.fullmatch``), as in Keras.

    Args:
        device_mesh: The mesh of layouts that name none.

    Example:
        >>> mesh = DeviceMesh((1,), ("model",), ["cpu:0"])
        >>> layouts = LayoutMap(mesh)
        >>> layouts["dense.*kernel"] = (None, "model")
        >>> layouts["dense_1/kernel"].axes
        (None, 'model')
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        if not isinstance(device_mesh, DeviceMesh):
            raise TypeError(
                explain(
                    "LayoutMap(device_mesh=...)",
                    expected="a `DeviceMesh`",
                    received=f"a {type(device_mesh).__name__}",
                    action='Pass, for instance, DeviceMesh((2, 2), ("batch", "model")).',
                )
            )
        self._mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh of layouts that name none."""
        return self._mesh

    def rule(self, path: str) -> str | None:
        """Returns the key that a path goes by; None if there is none.

        Raises:
            ValueError: There are several.
        """
        if path in self._layouts:
            return path
        found = [key for key in self._layouts if re.fullmatch(key, path)]
        if len(found) > 1:
            raise ValueError(
                explain(
                    f"LayoutMap[{path!r}]",
                    expected="one rule for a weight",
                    received=f"several: {', '.join(map(repr, found))}",
                    action="Make them narrower, or add a rule of exactly that path.",
                )
            )
        return found[0] if found else None

    # None for a path without a rule, as in Keras, where a mapping would raise.
    def __getitem__(self, path: str) -> TensorLayout | None:  # type: ignore[override]
        rule = self.rule(path)
        return None if rule is None else self._layouts[rule]

    def __setitem__(self, key: str, layout: TensorLayout | Sequence[str | None]) -> None:
        if key in self._layouts:
            raise ValueError(
                explain(
                    f"LayoutMap[{key!r}] = ...",
                    expected="a new rule",
                    received="one that exists",
                    action="Delete it first.",
                )
            )
        if isinstance(layout, str) or not isinstance(layout, TensorLayout | tuple | list):
            raise ValueError(
                explain(
                    f"LayoutMap[{key!r}] = ...",
                    expected="a `TensorLayout`, or a tuple with a name or None for each dimension",
                    received=f"a {type(layout).__name__}, {layout!r}",
                    action='Pass, for instance, (None, "model").',
                )
            )
        if not isinstance(layout, TensorLayout):
            layout = TensorLayout(layout, self._mesh)
        elif layout.device_mesh is None:
            layout.device_mesh = self._mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)


def partition(axes: Axes) -> PartitionSpec:
    """Returns the spec of JAX, without None at the end: two spellings would compile twice."""
    while axes and axes[-1] is None:
        axes = axes[:-1]
    return PartitionSpec(*axes)


def distribute_tensor(tensor: Array, layout: TensorLayout) -> Array:
    """Returns an array divided in another way; in a compiled function, an intermediate one too.

    Args:
        tensor: The array.
        layout: How it is to be divided.
    """
    if isinstance(tensor, jax.core.Tracer):
        constrained: Array = lax.with_sharding_constraint(tensor, layout.backend_layout)
        return constrained
    placed: Array = jax.device_put(tensor, layout.backend_layout)
    return placed
