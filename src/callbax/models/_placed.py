"""Where the arrays of a model live: chosen once, when it is made."""

import jax
from jax.sharding import Mesh, NamedSharding

from callbax._core._errors import describe, explain
from callbax._core._keras import loaded_keras
from callbax._data._mesh_placement import MeshPlacement, as_they_are
from callbax._data._placement import OneDevice, Placement
from callbax._modules._keras import is_keras_model
from callbax._modules._protocol import Functional
from callbax.distribution import DeviceMesh, Distribution, distribution
from callbax.distribution._agreement import agreement_of
from callbax.distribution._of_keras import OfKeras


def placement_of(functional: Functional, given: Distribution | None) -> Placement:
    """Returns where the arrays of a model live.

    Args:
        functional: The module. If nothing else is said and its arrays are on a mesh of several
            devices, they stay there as they are, and batches are divided along its first dimension.
        given: What the user passed to the model; else what `set_distribution` was given counts,
            and, for a model of Keras, ``keras.distribution``.

    Raises:
        TypeError: That is something else.
        RuntimeError: There are several processes and no distribution.
    """
    if given is not None and not isinstance(given, Distribution):
        raise TypeError(
            explain(
                "Model(distribution=...)",
                expected="a `DataParallel` or `ModelParallel` of callbax.distribution",
                received=describe(given),
                action="Make one, or leave the argument out.",
            )
        )
    chosen = given or distribution() or _of_keras(functional)
    if chosen is not None:
        return MeshPlacement.of(chosen)
    if (mesh := _mesh_of(functional)) is not None:
        return MeshPlacement(mesh, mesh.axis_names[0], as_they_are, agreement_of())
    if jax.distributed.is_initialized() and jax.process_count() > 1:
        raise RuntimeError(
            explain(
                "Model",
                expected=f"a distribution, as there are {jax.process_count()} processes",
                received="none, with which each would train a model of its own",
                action="Call set_distribution(DataParallel()) before, or pass `distribution`.",
            )
        )
    return OneDevice()


def _of_keras(functional: Functional) -> Distribution | None:
    """Returns what ``keras.distribution`` was set to, for a model of Keras."""
    keras = loaded_keras()
    if keras is None or not is_keras_model(functional.module):
        return None
    chosen = keras.distribution.distribution()
    return None if chosen is None else OfKeras(chosen)


def _mesh_of(functional: Functional) -> DeviceMesh | None:
    """Returns the mesh that a module's arrays are on; None if they are on one device."""
    if not functional.built or jax.device_count() == 1:
        return None
    for array in functional.read().weights.values():
        sharding = getattr(array, "sharding", None)
        if not isinstance(sharding, NamedSharding):
            continue
        if isinstance(sharding.mesh, Mesh) and sharding.mesh.size > 1:
            # An explicit mesh becomes one on which XLA chooses what programs leave open.
            return DeviceMesh.of(sharding.mesh)
    return None
