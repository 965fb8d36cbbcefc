"""A run as a directory in Orbax's format, to which every process writes its part."""

import os
import shutil
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from callbax._core._errors import explain
from callbax._core._orbax import load_orbax
from callbax._stores._protocol import RunState
from callbax._stores._run_text import from_text, to_text
from callbax.saving._contents import Contents
from callbax.saving._orbax import PYTREE, writing_orbax

EARLIER = ".bkp"
"""End of the name of what lay at a path until what replaces it is whole."""


class OrbaxFormat:
    """A state in a directory; arrays that are divided among processes are never put together.

    Invariant: what is at a path is whole, or what lay there before is beside it.
    """

    suffix = ".orbax"
    divided = True

    def begin(self, path: str, run: RunState, *, where: str, leads: bool) -> Callable[[], None]:
        orbax = load_orbax(where)
        text, arrays = to_text(run)
        contents, directory, earlier = run.contents, os.path.dirname(path), f"{path}{EARLIER}"
        tree = {
            "own": [text, *arrays],
            "weights": list(contents.weights.values()),
            "optimizer": contents.optimizer or [],
        }
        if leads and os.path.isdir(path):
            shutil.rmtree(earlier, ignore_errors=True)
            os.replace(path, earlier)
        with writing_orbax(directory):
            # Orbax copies to the host before it returns, and shows nobody what is not whole.
            response = orbax.save_checkpointables_async(
                os.path.abspath(path),
                {PYTREE: tree},
                overwrite=True,
                custom_metadata={"keys": list(contents.weights)},
            )

        def finish() -> None:
            with writing_orbax(directory):
                response.result()
            if leads:
                shutil.rmtree(earlier, ignore_errors=True)

        return finish

    def read(self, path: str, *, where: str, like: Contents | None) -> RunState:
        orbax = load_orbax(where)
        there = path if os.path.isdir(path) else f"{path}{EARLIER}"
        try:
            return _read(orbax, os.path.abspath(there), like)
        # Damaged files make Orbax and what it builds upon raise errors of almost any kind.
        except Exception as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise OSError(
                explain(
                    where,
                    expected=f'a recorded run in Orbax\'s format at "{path}"',
                    received=f"what cannot be read as one: {lines[0][:200].rstrip('.')}",
                    action="It is damaged, cut short or of another kind. Nothing was changed; "
                    "take another copy.",
                )
            ) from error

    def remove(self, path: str) -> None:
        for directory in (path, f"{path}{EARLIER}"):
            shutil.rmtree(directory, ignore_errors=True)


def _read(orbax: Any, path: str, like: Contents | None) -> RunState:
    description = orbax.checkpointables_metadata(path)
    forms = dict(
        description.metadata[PYTREE]
    )  # a shape and a dtype for each array that was written
    keys: list[str] = description.custom_metadata["keys"]
    weights = [] if like is None else [like.weights.get(key) for key in keys]
    variables = [] if like is None else like.optimizer or []
    wanted = {
        "own": _targets(forms["own"], []),
        "weights": _targets(forms["weights"], weights),
        "optimizer": _targets(forms["optimizer"], variables),
    }
    tree = orbax.load_checkpointables(path, {PYTREE: wanted})[PYTREE]
    kept = dict(zip(keys, tree["weights"], strict=True))
    text, *arrays = tree["own"]
    return from_text(text, arrays, Contents(kept, optimizer=tree["optimizer"] or None))


def _targets(forms: Iterable[Any], arrays: Iterable[Any]) -> list[Any]:
    """Returns what tells Orbax to read each array as another one lies, or to the host."""
    forms, placed = list(forms), list(arrays)
    placed += [None] * (len(forms) - len(placed))
    return [
        array if getattr(array, "shape", None) == form.shape else np.empty(form.shape, form.dtype)
        for form, array in zip(forms, placed, strict=False)
    ]
