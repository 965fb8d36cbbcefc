"""Copies and files of Keras models: what Keras leaves out of them when callbax trains."""

import os
import tempfile
from pathlib import Path
from typing import Any

from callbax._core._keras import load_keras
from callbax._core._warnings import warn
from callbax.models._files import ModelFiles
from callbax.saving._archive import with_compilation
from callbax.saving._atomic import PathLike, replacing
from callbax.saving.models import END


def save_compiled(
    module: Any, files: ModelFiles, filepath: PathLike, overwrite: bool, **options: Any
) -> None:
    """Writes a Keras model with what callbax's own step is compiled with, optimizer included.

    If plain values cannot describe that, or the file is of a format of old, it is left out with a
    warning.

    Args:
        module: The Keras model, with the weights of the current batch.
        files: What callbax knows of it.
        filepath: Where.
        overwrite: Whether a file that exists may be replaced.
        **options: What else ``keras.Model.save`` takes.

    Raises:
        OSError: The file cannot be written, or may not be replaced; an old one is as it was.
    """
    where, left_out = "model.save(filepath)", ""
    compiled = None
    if not os.fspath(filepath).endswith(END) or options.get("zipped") is False:
        left_out = f"only zipped files that end in {END} hold it"
    else:
        try:
            compiled = files.compile_config()
        except TypeError as error:
            left_out = str(error)
    if compiled is None:
        warn(f"`{where}`: the file does not say what the model is compiled with: {left_out}")
        module.save(filepath, overwrite=overwrite, **options)
        return
    contents = files.contents(module.name)
    with (
        tempfile.TemporaryDirectory() as folder,
        replacing(filepath, where=where, overwrite=overwrite) as target,
    ):
        written = Path(folder, f"model{END}")
        module.save(written, **options)
        name = contents.names["optimizer"]
        with_compilation(written, target, compiled, name, contents.optimizer_arrays())


def copied(module: Any, *, compiled: bool) -> Any:
    """Returns a Keras model of its own with the weights of another one.

    Keras can neither copy nor pickle a model once it is compiled with metrics.

    Args:
        module: The model.
        compiled: Whether the copy is compiled as it is, with the state of its optimizer.
    """
    copy = load_keras("copy.deepcopy").models.clone_model(module)
    pairs = [*zip(module.weights, copy.weights, strict=True)]
    if compiled:
        copy.compile_from_config(module.get_compile_config())
        pairs += zip(module.optimizer.variables, copy.optimizer.variables, strict=True)
    for variable, its_copy in pairs:
        its_copy.assign(variable.value)
    return copy
