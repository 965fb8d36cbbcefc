"""Models in files with parts that callbax lacks: Keras reads them, callbax trains them."""

import io
from collections.abc import Mapping
from typing import Any

from callbax._core._keras import load_keras
from callbax.models._files import compile_arguments
from callbax.models._keras_model import KerasModel
from callbax.saving._archive import WEIGHTS, member
from callbax.saving._atomic import PathLike
from callbax.saving._contents import OPTIMIZER
from callbax.saving._hdf5 import Hdf5File
from callbax.saving._opening import reading
from callbax.saving.models import OF_KERAS

_WHERE = "load_model(filepath)"


def load_by_keras(
    filepath: PathLike, custom_objects: Mapping[str, Any] | None, compiled: Mapping[str, Any] | None
) -> KerasModel:
    """Returns the model that a file has, as a Keras model under callbax.

    Callbax's own step trains it, as it trained the model that was saved, if callbax knows what it
    is compiled with; else Keras compiles it.

    Args:
        filepath: The file.
        custom_objects: The user's classes and functions, by name.
        compiled: The arguments of ``compile`` as the file has them; None to leave them out.

    Raises:
        OSError: The file is damaged.
    """
    load, optimizer = load_keras(_WHERE).saving.load_model, _optimizer_in(filepath)
    if compiled is not None:
        try:
            model = KerasModel(load(filepath, custom_objects=custom_objects, compile=False))
            model.compile(**compile_arguments(compiled))
            if not model.is_own:
                model.take_optimizer(optimizer)
                return model
        except (TypeError, ValueError):  # callbax does not know some of it
            pass
    return KerasModel(load(filepath, custom_objects=custom_objects, compile=compiled is not None))


def _optimizer_in(filepath: PathLike) -> list[Any]:
    """Returns the optimizer's variables in Keras's order; reads all else for its checksums."""
    with reading(filepath, where=_WHERE, expected="a model archive") as file:
        stored = Hdf5File(io.BytesIO(member(file, WEIGHTS)))
        arrays = stored.read(stored.shapes)
    count = sum(key.startswith(OPTIMIZER) for key in arrays)
    return [arrays[f"{OPTIMIZER}{i}"] for i in range(count)]


OF_KERAS.update(Functional=load_by_keras, Sequential=load_by_keras)
