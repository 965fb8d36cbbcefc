"""Weights files."""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from callbax._core._errors import explain
from callbax._core._warnings import warn
from callbax.saving._archive import WEIGHTS, member
from callbax.saving._atomic import PathLike, replacing
from callbax.saving._contents import OPTIMIZER, Contents, Stored
from callbax.saving._hdf5 import Hdf5File, to_hdf5
from callbax.saving._opening import reading
from callbax.saving._orbax import OrbaxDirectory
from callbax.saving._safetensors import SafetensorsFile, to_safetensors

WRITERS: dict[str, Callable[[Contents], bytes]] = {
    ".weights.h5": to_hdf5,
    ".safetensors": to_safetensors,
}
READERS: dict[str, Callable[[IO[bytes]], Stored]] = {
    ".weights.h5": Hdf5File,
    ".safetensors": SafetensorsFile,
    ".keras": lambda file: Hdf5File(io.BytesIO(member(file, WEIGHTS))),
}
"""End of a file name -> how such files are written and read."""

_Format = TypeVar("_Format")


@runtime_checkable
class Weighted(Protocol):
    """What weights files need of a model."""

    @property
    def built(self) -> bool:
        """Whether the weights exist."""

    def file_contents(self) -> Contents:
        """Returns the arrays as of the current batch, under their keys."""

    def take_file_contents(
        self, weights: Mapping[str, NDArray[Any]], optimizer: Sequence[NDArray[Any]] | None
    ) -> None:
        """Replaces arrays, all at once."""


class FilesItself(Protocol):
    """A model of Keras's, under callbax or not, whose files Keras writes."""

    def save(self, filepath: PathLike, overwrite: bool) -> None:
        """Writes the whole model."""

    def save_weights(self, filepath: PathLike, overwrite: bool) -> None:
        """Writes the weights."""

    def load_weights(self, filepath: PathLike, skip_mismatch: bool) -> None:
        """Reads the weights."""


def save_weights(model: Weighted | FilesItself, filepath: PathLike, overwrite: bool = True) -> None:
    """Writes a model's weights; the same as ``model.save_weights(filepath)``.

    Args:
        model: The model; its weights must exist.
        filepath: Ends in ``.weights.h5`` for Keras's format, which holds the optimizer's state
            too, or in ``.safetensors`` for weights alone.
        overwrite: Whether a file that exists may be replaced.

    Raises:
        ValueError: The name ends otherwise, or the weights do not exist yet.
        OSError: The file cannot be written, or exists and may not be replaced; an old file is as
            it was.

    Example:
        >>> import tempfile
        >>> from callbax import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     save_weights(model, f"{directory}/best.weights.h5")
        ...     load_weights(model, f"{directory}/best.weights.h5")

    Differs from Keras: the file is written beside the old one and takes its place in one step; a
    file that may not be replaced is an error, not a question; ``max_shard_size`` is not taken.

    Source: ``keras.saving.save_weights``.
    """
    if not isinstance(model, Weighted):
        model.save_weights(filepath, overwrite=overwrite)
        return
    where = "save_weights(filepath)"
    write = _by_name(WRITERS, filepath, where)
    need_built(model, where)
    with replacing(filepath, where=where, overwrite=overwrite) as temporary:
        temporary.write_bytes(write(model.file_contents()))


def load_weights(
    model: Weighted | FilesItself, filepath: PathLike, skip_mismatch: bool = False
) -> None:
    """Reads weights into a model; the same as ``model.load_weights(filepath)``.

    Everything is read and compared with the model before anything of it changes. Files of callbax
    carry a checksum for every array, so that damage is found; Keras's do not.

    Args:
        model: The model; its weights must exist.
        filepath: A ``.weights.h5`` or ``.safetensors`` file; or a directory of `OrbaxCheckpoint`,
            for its last checkpoint, or one of the checkpoints in it, for the weights alone.
        skip_mismatch: Whether arrays that the file lacks or has in another shape keep their
            values, with a warning.

    Raises:
        ValueError: The name ends otherwise, the weights do not exist yet, or the file is that of
            another model.
        OSError: The file is missing, damaged or of another kind.

    Differs from Keras: a model for which the file holds arrays too many is refused; an optimizer
    takes its variables over although it has not trained yet.

    Source: ``keras.saving.load_weights``.
    """
    if not isinstance(model, Weighted):
        model.load_weights(filepath, skip_mismatch=skip_mismatch)
        return
    where = "load_weights(filepath)"
    if _is_checkpoint(filepath):
        _load_checkpoint(model, filepath, where, skip_mismatch=skip_mismatch)
        return
    open_stored = _by_name(READERS, filepath, where)
    need_built(model, where)
    contents = model.file_contents()
    with reading(filepath, where=where, expected="a weights file") as file:
        stored = open_stored(file)
        match = Match(contents, stored, os.fspath(filepath), where, skip_mismatch=skip_mismatch)
        arrays = {} if match.error else stored.read(match.keys)
    match.apply(model, arrays)


def _is_checkpoint(filepath: PathLike) -> bool:
    return os.path.isdir(filepath) and not os.fspath(filepath).endswith(tuple(READERS))


def _load_checkpoint(
    model: Weighted, filepath: PathLike, where: str, *, skip_mismatch: bool
) -> None:
    need_built(model, where)
    contents, path = model.file_contents(), os.fspath(filepath)
    try:
        stored = OrbaxDirectory(path, contents.paths)
    except ImportError:
        raise
    # Orbax meets damaged files with almost any exception.
    except Exception as error:
        raise OSError(
            explain(
                where,
                expected=f'a checkpoint of `OrbaxCheckpoint` at "{path}"',
                received=f"a directory that cannot be read as one ({type(error).__name__})",
                action="It is damaged or of another kind. Nothing was changed; take another one.",
            )
        ) from error
    match = Match(contents, stored, path, where, skip_mismatch=skip_mismatch)
    match.apply(model, {} if match.error else stored.read(match.keys))


class Match:
    """What of a file goes into a model, decided by keys and shapes before anything is read.

    Args:
        contents: The model's arrays.
        stored: The file's.
        path: The file, as messages say it.
        where: The public call to name in an error, without backticks.
        skip_mismatch: Whether what does not fit is left out.

    Attributes:
        keys: Keys of the arrays to read.
        error: Why nothing may be read.
    """

    def __init__(
        self, contents: Contents, stored: Stored, path: str, where: str, *, skip_mismatch: bool
    ) -> None:
        self._where, self._path = where, path
        self._warnings: list[str] = []
        self._whole, self._fresh = len(contents.optimizer or ()), contents.fresh
        own = {key: np.shape(array) for key, array in contents.weights.items()}
        wrong = [
            f'"{key}" of shape {shape}, not {stored.shapes.get(key, "there")}'
            for key, shape in own.items()
            if stored.shapes.get(key) != shape
        ]
        groups = {key.split("/")[0] for key in own}
        surplus = [
            f'"{key}", which the model lacks'
            for key in stored.shapes
            # Older versions of Keras kept the state of random generators with the weights.
            if key not in own and key.split("/")[0] in groups and "/seed_generator/" not in key
        ]
        self.error: str = "" if skip_mismatch else self._explain(own, stored, wrong, surplus)
        if wrong and skip_mismatch:
            self._warnings.append(
                f'`{where}`: {len(wrong)} arrays keep their values, as "{path}" does not fit them: '
                f"{_shown(wrong)}."
            )
        self._weights = [key for key, shape in own.items() if stored.shapes.get(key) == shape]
        self._variables = self._match_optimizer(contents, stored) if not self.error else []
        self.keys: list[str] = self._weights + self._variables

    def apply(self, model: Weighted, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Puts what was read into the model, or raises and leaves the model alone.

        Raises:
            ValueError: The file is that of another model.
        """
        if self.error:
            raise ValueError(self.error)
        optimizer = [arrays[key] for key in self._variables]
        if len(optimizer) == self._fresh < self._whole and optimizer[0] != 0:
            self._skip_optimizer(len(optimizer))
            optimizer = []
        model.take_file_contents({key: arrays[key] for key in self._weights}, optimizer or None)
        for warning in self._warnings:
            warn(warning)

    def _explain(
        self, own: Mapping[str, Any], stored: Stored, wrong: list[str], surplus: list[str]
    ) -> str:
        if not wrong and not surplus:
            return ""
        return explain(
            self._where,
            expected=f'{len(own)} arrays that fit the model at "{self._path}"',
            received=f"a file with {len(stored.shapes)}, among them {_shown(wrong + surplus)}",
            action="Build the model as it was when the file was written, or pass "
            "skip_mismatch=True to load what fits. Nothing was changed.",
        )

    def _match_optimizer(self, contents: Contents, stored: Stored) -> list[str]:
        """Returns the keys of the optimizer's variables; none if they do not fit."""
        variables = contents.optimizer
        if variables is None or not stored.keeps_optimizer:
            return []
        count = sum(key.startswith(OPTIMIZER) for key in stored.shapes)
        keys = [f"{OPTIMIZER}{i}" for i in range(count)]
        shapes = [np.shape(variable) for variable in variables[:count]]
        same = [stored.shapes.get(key) for key in keys] == shapes
        if not same or not count or count not in (self._whole, self._fresh):
            self._skip_optimizer(count)
            return []
        return keys

    def _skip_optimizer(self, count: int) -> None:
        self._warnings.append(
            f"`{self._where}`: skipping variable loading for the optimizer, because its "
            f'{self._whole} variables are not like the {count} saved in "{self._path}".'
        )


def need_built(model: Weighted, where: str) -> None:
    """Raises unless the weights of a model exist."""
    if not model.built:
        raise ValueError(
            explain(
                where,
                expected="a model whose weights exist",
                received="one that has not been built yet",
                action="Call `build` or call the model on some data before.",
            )
        )


def _by_name(formats: Mapping[str, _Format], filepath: PathLike, where: str) -> _Format:
    path = os.fspath(filepath)
    for end, found in formats.items():
        if path.endswith(end):
            return found
    raise ValueError(
        explain(
            where,
            expected=f"a file name that ends in {' or '.join(formats)}",
            received=f'"{path}"',
            action="Write the whole name; `model.save` writes whole models, as .keras.",
        )
    )


def _shown(problems: list[str]) -> str:
    more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(problems[:3]) + more
