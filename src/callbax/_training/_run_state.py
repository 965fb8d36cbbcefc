"""A run taken as one value, and a run that starts from one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from callbax._core._errors import explain
from callbax._stores._protocol import RunState
from callbax._training._averages import Averages
from callbax._training._engine import Engine
from callbax._training._filing import contents_of, with_contents
from callbax._training._generators import read_generators
from callbax._training._reading import Place
from callbax._training._timeline import Timeline

_WHERE = "fit: the recorded run"


def take(
    engine: Engine,
    line: Timeline | None,
    averages: Averages,
    *,
    name: str,
    seed: int | None,
    whole: bool = True,
) -> RunState:
    """Returns a run as of the current batch, as far as the engine knows of it.

    Args:
        engine: What runs the model.
        line: The timeline of the training run; None in a loop of the user's own.
        averages: Whether weights and averages have changed places.
        name: The model's name.
        seed: Seed of the order in which arrays are read.
        whole: Whether to put together what is divided among processes.
    """
    # A validation within the fit has running metrics of its own.
    state = engine.read() if line is None else line.read()
    place = Place(seed, None, 0) if line is None else line.place(seed)
    return RunState(
        epoch=0,
        batch=0,
        contents=contents_of(engine, name, whole=whole),
        random=state.random,
        metrics=jax.tree.leaves(state.metrics),
        row=None if line is None else line.rows.row,
        seed=place.seed,
        pass_step=place.pass_step,
        pass_done=place.pass_done,
        passes=place.passes,
        digests=place.digests,
        hyperparameters=state.hyperparameters,
        captured=engine.recipe.captured.read(),
        pass_length=None if line is None else line.batches_per_pass,
        batch_size=None if line is None else line.batch_size,
        ema_swapped=averages.swapped,
        steps=engine.step,
        generators=read_generators(),
    )


def restoration(
    engine: Engine, line: Timeline, averages: Averages, run: RunState
) -> Callable[[], None]:
    """Goes to the place of a recorded run in the data; returns what then puts its state in place.

    Raises:
        ValueError: That was the run of another model, or of one that was compiled in another way,
            over other data, or it stands where batches of another size have no border; the model
            was not changed.
    """
    place = _place(line, run)
    expected = contents_of(engine, "", whole=False)
    _need_same("weights", _shapes(expected.weights), _shapes(run.contents.weights))
    variables = _numbered(expected.optimizer), _numbered(run.contents.optimizer)
    _need_same("optimizer's variables", *map(_shapes, variables))
    state = line.read()
    leaves: list[Any]
    structure: Any
    leaves, structure = jax.tree.flatten(state.metrics)
    # Every epoch starts with empty metrics, so that at its start none need be recorded.
    recorded = leaves if run.batch == 0 and not run.metrics else run.metrics
    _need_same("metrics", _shapes(_numbered(leaves)), _shapes(_numbered(recorded)))
    _need_same("random streams", _shapes(state.random), _shapes(run.random))
    line.move_to(place, None if run.row is None else list(run.row))

    def put() -> None:
        now = with_contents(engine, line.read(), run.contents.weights, run.contents.optimizer)
        metrics = [jnp.asarray(new, old.dtype) for new, old in zip(recorded, leaves, strict=True)]
        engine.recipe.captured.write(run.captured)
        line.write(
            now.replace(
                random={path: jnp.asarray(run.random[path]) for path in state.random},
                metrics=structure.unflatten(metrics),
                hyperparameters={
                    name: jnp.float32(number) for name, number in run.hyperparameters.items()
                },
                captured=engine.recipe.captured.read(),
            )
        )
        averages.swapped = run.ema_swapped

    return put


def _place(line: Timeline, run: RunState) -> Place:
    """Returns the recorded place in the data, counted in batches of this run's size."""
    last, now = run.digests
    here = Place(run.seed, run.pass_step, run.pass_done, run.passes, (last, now))
    old, new = run.batch_size, line.batch_size
    if old is None or old == new:
        return here
    if run.batch == 0 and run.pass_done == run.pass_length:
        # The pass is over: the next one may be read in any way.
        return Place(run.seed, None, 0, run.passes + 1)
    if run.batch or run.pass_done * old % new:
        raise ValueError(
            explain(
                "fit(batch_size=...)",
                expected=f"batches of {old} samples, as the recorded run was interrupted after "
                f"{run.pass_done} of them",
                received=f"batches of {new}",
                action="Pass the same `batch_size` until the epoch is over, or start in another "
                "directory. Nothing was changed.",
            )
        )
    return replace(here, pass_done=run.pass_done * old // new, digests=(0, 0))


def _numbered(values: Any) -> dict[str, Any]:
    return {str(number): value for number, value in enumerate(values or ())}


def _shapes(arrays: Any) -> dict[str, tuple[int, ...]]:
    return {key: tuple(np.shape(array)) for key, array in arrays.items()}


def _need_same(
    what: str, expected: dict[str, tuple[int, ...]], received: dict[str, tuple[int, ...]]
) -> None:
    if expected != received:
        wrong = [
            f'"{key}": {received.get(key, "missing")} for {expected.get(key, "nothing")}'
            for key in {**expected, **received}
            if expected.get(key) != received.get(key)
        ]
        raise ValueError(
            explain(
                _WHERE,
                expected=f"{what} of the shapes that this model has",
                received=f"others ({'; '.join(wrong[:3])})",
                action="Build and compile the model as it was, or start in another directory. "
                "Nothing was changed.",
            )
        )
