"""Arrays on a mesh of devices, one program over all of them."""

import functools
import itertools
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import jax
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec
from numpy.typing import NDArray

from callbax._core._errors import explain
from callbax._core._types import Array, PyTree
from callbax._data._placement import AnyVariables, Names, canonical, memory_of, stacked
from callbax.distribution import DeviceMesh, Distribution
from callbax.distribution._agreement import Agreement, agreement_of
from callbax.distribution._layout import partition

Arrays = dict[str, Array]


class Layout(Protocol):
    """How the weights of a model are divided."""

    def __call__(self, arrays: Arrays, names: Mapping[str, str]) -> dict[str, PartitionSpec]:
        """Returns path -> how the array is divided.

        Args:
            arrays: Path -> array.
            names: Path -> the name that rules go by, of those that have one.

        Raises:
            ValueError: Rules and weights do not fit.
        """


class MeshPlacement:
    """All devices of a mesh run one program, each on its part of every batch.

    The program sees whole arrays; how they are divided is said in three places of each step: the
    batch, the state after it, and its row. XLA makes the communication between devices from that.

    Invariant: an array of a state is divided as its layout says from the moment it enters a run to
    the end, so that no execution is compiled twice.

    Args:
        device_mesh: The devices.
        batch_axis: The dimension of the mesh along which batches are divided.
        layout: How weights are.
        agreement: What the processes agree by; None if there is one.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_axis: str,
        layout: Layout,
        agreement: Agreement | None = None,
    ) -> None:
        self._device_mesh, self._lay_out = device_mesh, layout
        self._mesh = mesh = device_mesh.backend_mesh
        self._whole = NamedSharding(mesh, PartitionSpec())
        self._samples = NamedSharding(mesh, PartitionSpec(batch_axis))
        self._stacked = NamedSharding(mesh, PartitionSpec(None, batch_axis))
        self._parts = mesh.shape[batch_axis]
        self._form: dict[str, tuple[int, ...]] | None = None
        self._layout: dict[str, NamedSharding] = {}
        self._checksum, self._numbers, self._copies = 0, itertools.count(), itertools.count()
        self.agreement = agreement
        self._scalar = functools.lru_cache(maxsize=4096)(self._place_scalar)

    @classmethod
    def of(cls, distribution: Distribution) -> "MeshPlacement":
        """Returns the placement that a distribution describes."""
        mesh, layout = distribution.device_mesh, functools.partial(_rules, distribution)
        agreement = agreement_of(distribution.patience)
        return cls(mesh, distribution.batch_dim_name, layout, agreement)

    def __getstate__(self) -> dict[str, Any]:
        agreement = self.agreement
        if agreement is not None:  # copies agree on their own, as their likes elsewhere do
            agreement = agreement.about(f"copy {next(self._copies)}")
        return {
            "device_mesh": self._device_mesh,
            "batch_axis": self._samples.spec[0],
            "layout": self._lay_out,
            "agreement": agreement,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def is_lead(self) -> bool:
        return bool(jax.process_index() == 0)

    @property
    def platform(self) -> str:
        platform: str = self._mesh.devices.flat[0].platform
        return platform

    @functools.cached_property
    def memory(self) -> int:
        """Bytes of the memory of one device."""
        return memory_of(self._mesh.local_devices[0]) // self._sharing

    @property
    def _sharing(self) -> int:
        """How many devices share one memory, as those of a CPU do that is to look like several."""
        return len(self._mesh.local_devices) if self.platform == "cpu" else 1

    # On the host

    def place_variables(self, variables: AnyVariables, names: Names) -> AnyVariables:
        params, stats, random = variables
        form = {path: array.shape for path, array in (params | stats).items()}
        if form != self._form:
            specs = self._lay_out(params | stats, names())
            self._layout = {path: NamedSharding(self._mesh, specs[path]) for path in form}
            self._form = form

        def put(arrays: Arrays) -> Arrays:
            return {path: self._put(array, self._layout[path]) for path, array in arrays.items()}

        placed = put(params), put(stats), self.place_state(random)
        old, new = (jax.tree.leaves(tree) for tree in (variables, placed))
        if all(a is b for a, b in zip(old, new, strict=True)):
            return variables
        make: Callable[..., AnyVariables] = type(variables)
        return make(*placed)

    def place_state(self, tree: PyTree) -> PyTree:
        return jax.tree.map(self._enter, tree)

    def place_batch(self, array: Any, *, copy: bool = False) -> Array:
        return self._placed(array, self._whole, copy=copy, checked=True)

    def place_stack(self, array: Any, *, copy: bool = False) -> Array:
        """Puts stacked batches where steps expect them, whole if they cannot be divided evenly."""
        even = array.shape[1] % self._parts == 0
        sharding = self._stacked if even else self._whole
        return self._placed(array, sharding, copy=copy, checked=False)

    def place_samples(
        self, samples: Any, within: Any, *, size: int | None = None, copy: bool = False
    ) -> Array:
        place = self.place_batch if size is None else self.place_stack
        return place(stacked(samples, size), copy=copy)

    def place_share(self, array: NDArray[Any]) -> Array:
        shape = (array.shape[0], array.shape[1] * jax.process_count(), *array.shape[2:])
        placed: Array = jax.make_array_from_process_local_data(self._stacked, array, shape)
        return placed

    def fitting(self, size: int) -> int:
        """Returns the least number of samples from `size` on that a share can have.

        Raises:
            ValueError: Batches are not divided among the processes evenly.
        """
        processes = int(jax.process_count())
        if self._parts % processes:
            raise ValueError(
                explain(
                    "fit(x=...)",
                    expected=f"arrays, as {self._parts} parts of a batch cannot be divided among "
                    f"{processes} processes",
                    received="an iterable, of which each process reads its own share",
                    action="Give arrays, the same in every process, or let the batch dimension of "
                    "the mesh have as many devices in each.",
                )
            )
        local: int = self._parts // processes
        return -(-size // local) * local

    def place_like(self, new: PyTree, old: PyTree) -> PyTree:
        return jax.tree.map(lambda a, b: a if a is b else self._put(a, b.sharding), new, old)

    def scalar(self, value: int) -> Array:
        placed: Array = self._scalar(value)
        return placed

    def number(self) -> int:
        return next(self._numbers)

    def checksum(self) -> int:
        return self._checksum

    def is_divided(self, tree: PyTree) -> bool:
        return any(map(_is_divided, jax.tree.leaves(tree)))

    def whole(self, tree: PyTree) -> PyTree:
        if not self.is_divided(tree):
            return tree
        return jax.tree.map(lambda a: self._put(a, self._whole) if _is_divided(a) else a, tree)

    # In compiled programs

    def tracing(self) -> AbstractContextManager[object]:
        context: AbstractContextManager[object] = jax.set_mesh(self._mesh)
        return context

    def divide(self, batch: PyTree) -> PyTree:
        def constrain(leaf: Array) -> Array:
            # XLA would fill uneven parts up, and round otherwise inside a loop than outside.
            even = leaf.ndim and leaf.shape[0] % self._parts == 0
            where = self._samples if even else self._whole
            constrained: Array = lax.with_sharding_constraint(leaf, where)
            return constrained

        return jax.tree.map(constrain, batch)

    def pin(self, leaves: list[Array], like: Sequence[Any]) -> list[Array]:
        return [
            lax.with_sharding_constraint(leaf, sharding)
            for leaf, sharding in zip(leaves, like, strict=True)
        ]

    def gather_weights(self, weights: Arrays) -> Arrays:
        axis = self._samples.spec[0]

        def gathered(path: str, array: Array) -> Array:
            spec = self._layout[path].spec if path in self._layout else PartitionSpec()
            if all(_without(axis, part) == part for part in spec):
                return array
            where = NamedSharding(self._mesh, PartitionSpec(*(_without(axis, p) for p in spec)))
            whole: Array = lax.with_sharding_constraint(array, where)
            return whole

        return {path: gathered(path, array) for path, array in weights.items()}

    def gather(self, rows: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: lax.with_sharding_constraint(leaf, self._whole), rows)

    # Inside

    def _enter(self, array: Any) -> Any:
        """Places an array that is not on the mesh yet: whole on every device."""
        sharding = getattr(array, "sharding", None)
        if isinstance(sharding, NamedSharding) and sharding.mesh == self._mesh:
            return array
        return self._put(array, self._whole)

    def _placed(self, array: Any, sharding: Any, *, copy: bool, checked: bool) -> Array:
        """Places data; what is on a device already cannot be written to, nor has other dtypes."""
        if not isinstance(array, jax.Array):
            array = np.array(array, canonical(array.dtype), copy=copy or None)
        placed: Array = self._put(array, sharding, checked=checked)
        return placed

    def _put(self, array: Any, sharding: Any, *, checked: bool = True) -> Any:
        """Places an array.

        Args:
            array: The array, on the host or not.
            sharding: Where it belongs.
            checked: Whether it is one of those that must be the same in all processes.
        """
        if getattr(array, "sharding", None) == sharding:
            return array
        if isinstance(array, jax.Array) and not array.is_fully_addressable:
            return jax.jit(lambda a: a, out_shardings=sharding)(array)
        if sharding.is_fully_addressable:
            return jax.device_put(array, sharding)
        host = np.asarray(array)
        if checked:
            content = np.ascontiguousarray(host).reshape(-1).view(np.uint8)
            self._checksum = zlib.crc32(content.data, self._checksum)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    def _place_scalar(self, value: int) -> Array:
        placed: Array = self._put(np.int32(value), self._whole)
        return placed


def _is_divided(array: Any) -> bool:
    return not (array.is_fully_addressable or array.is_fully_replicated)


def _rules(
    distribution: Distribution, arrays: Arrays, names: Mapping[str, str]
) -> dict[str, PartitionSpec]:
    """Returns how the weights are divided by the rules of a distribution.

    Raises:
        ValueError: A rule fits no weight, or does not fit one that it is for.
    """
    called = {path: names.get(path, path) for path in arrays}
    if unmatched := distribution.unmatched(list(called.values())):
        raise ValueError(
            explain(
                f"LayoutMap: {', '.join(map(repr, unmatched))}",
                expected=f"rules that match a weight: {', '.join(list(called.values())[:8])}",
                received="none for these",
                action="Keys are regular expressions for whole paths, which `model.weights` lists.",
            )
        )
    return {
        path: partition(distribution.axes_of(called[path], tuple(array.shape)))
        for path, array in arrays.items()
    }


def as_they_are(arrays: Arrays, names: Mapping[str, str]) -> dict[str, PartitionSpec]:
    """Returns how arrays are divided that somebody has placed; others are whole."""
    shardings = {path: array.sharding for path, array in arrays.items()}
    return {
        path: partition(tuple(sharding.spec)) if isinstance(sharding, NamedSharding) else whole
        for whole in [PartitionSpec()]
        for path, sharding in shardings.items()
    }


def followed(form: PyTree, params: Mapping[str, Array]) -> PyTree | None:
    """Returns how an optimizer's state is divided: what belongs to a parameter as that one is.

    Args:
        form: Shapes and dtypes of the state: dicts by the paths of parameters, and other arrays.
        params: The parameters.

    Returns:
        Shardings in the structure of the form; None if the parameters are not on a mesh.
    """
    shardings = {path: array.sharding for path, array in params.items()}
    meshes = [s.mesh for s in shardings.values() if isinstance(s, NamedSharding)]
    if not meshes:
        return None
    whole = NamedSharding(meshes[0], PartitionSpec())

    def of(keys: tuple[Any, ...], leaf: Any) -> Any:
        path = str(getattr(keys[-1], "key", "")) if keys else ""
        same = path in params and params[path].shape == leaf.shape
        return shardings[path] if same else whole

    return jax.tree_util.tree_map_with_path(of, form)


def _without(axis: str, part: Any) -> Any:
    """Returns an entry of a partition without one dimension of the mesh."""
    if isinstance(part, tuple):
        left = tuple(name for name in part if name != axis)
        return left or None
    return None if part == axis else part
