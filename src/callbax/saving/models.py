"""Files of whole models."""

import os
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from callbax._core._budget import at_most
from callbax._core._errors import describe, explain
from callbax._core._warnings import warn
from callbax.saving._archive import read_config, write_archive
from callbax.saving._atomic import PathLike, replacing
from callbax.saving._hdf5 import to_hdf5
from callbax.saving._opening import reading
from callbax.saving.objects import (
    UnreadableError,
    deserialize_keras_object,
    serialize_keras_object,
)
from callbax.saving.weights import FilesItself, Weighted, load_weights

END = ".keras"
GROWTH = 4
"""How many times their size in the file weights may take while a model is made: a file may hold
them in half precision, and a layer may make some of them twice."""
SMALL = 2**20
"""Bytes that weights may take whatever the file holds: errors about small models say more."""


class Loader(Protocol):
    """What loads models of one class."""

    def __call__(
        self,
        filepath: PathLike,
        custom_objects: Mapping[str, Any] | None,
        compiled: Mapping[str, Any] | None,
    ) -> Any:
        """Returns the model in a file; `compiled` is what it is to be compiled with, if at all."""


OF_KERAS: dict[str, Loader] = {}
"""Class of a model, as a file names it -> what loads one with parts that only Keras has."""


@runtime_checkable
class Described(Weighted, Protocol):
    """What model files need of a model."""

    def get_config(self) -> dict[str, Any]:
        """Returns what it is made of."""

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns for what inputs it was built."""

    def get_compile_config(self) -> dict[str, Any] | None:
        """Returns what it was compiled with."""


def save_model(model: Described | FilesItself, filepath: PathLike, overwrite: bool = True) -> None:
    """Writes a whole model; the same as ``model.save(filepath)``.

    The file holds what the model is made of and compiled with, its weights and the optimizer's
    state, so that `load_model`, here or in Keras, continues where it stood.

    Args:
        model: A `Sequential` of layers that have a ``get_config``.
        filepath: Ends in ``.keras``.
        overwrite: Whether a file that exists may be replaced.

    Raises:
        ValueError: The name ends otherwise.
        TypeError: Plain values cannot describe the model.
        OSError: The file cannot be written, or exists and may not be replaced; an old file is as
            it was.

    Differs from Keras: a file that may not be replaced is an error, not a question; lambdas are
    refused; only zipped archives are written.

    Source: ``keras.saving.save_model``.
    """
    if not isinstance(model, Described):
        model.save(filepath, overwrite=overwrite)
        return
    where = "save(filepath)"
    _need_end(filepath, where)
    if not model.built:
        warn(
            "`save(filepath)`: you are saving a model that has not been built yet; the file holds "
            "no weights. Call `build` or call the model on some data before."
        )
    config = serialize_keras_object(model)
    for key, value in (
        ("build_config", model.get_build_config()),
        ("compile_config", model.get_compile_config()),
    ):
        if value is not None:
            config[key] = serialize_keras_object(value)
    weights = to_hdf5(model.file_contents())
    with replacing(filepath, where=where, overwrite=overwrite) as temporary:
        write_archive(temporary, config, weights)


def load_model(
    filepath: PathLike,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
) -> Any:
    """Reads a whole model that ``model.save`` wrote, here or in Keras.

    Keras reads a model with parts that callbax lacks, such as a functional model, and needs to be
    installed for it; callbax trains it then.

    Args:
        filepath: A ``.keras`` file.
        custom_objects: Classes and functions of your own, by name.
        compile: Whether to compile the model with what it was compiled with, optimizer state
            included.

    Returns:
        The model.

    Raises:
        ValueError: The name ends otherwise, the file mentions what callbax does not have, or it
            describes weights that are far larger than those in it.
        OSError: The file is missing, damaged or of another kind, or wants to unpack to far more
            than its size.

    Example:
        >>> import tempfile
        >>> from callbax import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     save_model(model, f"{directory}/model.keras")
        ...     load_model(f"{directory}/model.keras").count_params()
        3

    Differs from Keras: there is no ``safe_mode=False``, as no code is ever read from a file;
    archives only, no directories.

    Source: ``keras.saving.load_model``.
    """
    where = "load_model(filepath)"
    _need_end(filepath, where)
    with reading(filepath, where=where, expected="a model archive") as file:
        config, size = read_config(file)
    with at_most(GROWTH * size + SMALL, where=where):
        try:
            model = _described(config, filepath, custom_objects, compile=compile, where=where)
        except UnreadableError as error:
            compiled = config.get("compile_config") if compile else None
            return _load_by_keras(config["class_name"], error, filepath, custom_objects, compiled)
        except (RecursionError, MemoryError) as error:
            raise ValueError(
                explain(
                    where,
                    expected=f'the configuration of a model in "{os.fspath(filepath)}"',
                    received=f"one that exhausts the machine ({type(error).__name__})",
                    action="The file is damaged, or was made to do so; take another copy.",
                )
            ) from error
    if model.built:
        load_weights(model, filepath)
    return model


def _load_by_keras(
    class_name: str,
    error: UnreadableError,
    filepath: PathLike,
    custom_objects: Mapping[str, Any] | None,
    compiled: Mapping[str, Any] | None,
) -> Any:
    """Returns a model with parts that callbax lacks; raises the error if Keras lacks them too."""
    if class_name not in OF_KERAS:
        raise error
    try:
        return OF_KERAS[class_name](filepath, custom_objects, compiled)
    except (ImportError, TypeError, ValueError) as reason:
        raise error from reason


def _described(
    config: Any,
    filepath: PathLike,
    custom_objects: Mapping[str, Any] | None,
    *,
    compile: bool,
    where: str,
) -> Any:
    """Returns the model that a configuration describes, its weights new."""
    if not isinstance(config, dict):
        config = {"class_name": describe(config), "config": {}}
    model = deserialize_keras_object(
        {key: value for key, value in config.items() if key != "compile_config"},
        custom_objects,
        where=where,
    )
    if not hasattr(model, "file_contents"):
        raise ValueError(
            explain(
                where,
                expected=f'a model in "{os.fspath(filepath)}"',
                received=describe(model),
                action="Only files written by `model.save` can be loaded.",
            )
        )
    if compile and config.get("compile_config"):
        arguments = deserialize_keras_object(config["compile_config"], custom_objects, where=where)
        model.compile_from_config(arguments)
    return model


def _need_end(filepath: PathLike, where: str) -> None:
    path = os.fspath(filepath)
    if not path.endswith(END):
        raise ValueError(
            explain(
                where,
                expected=f"a file name that ends in {END}",
                received=f'"{path}"',
                action="Weights alone go into files that end in .weights.h5 or .safetensors: "
                "`save_weights`, `load_weights`.",
            )
        )
