"""What a run belongs to, and whether a fit is that run."""

import hashlib
import re
from collections.abc import Mapping

import jax
from jax.extend.core import ClosedJaxpr

from callbax._core._errors import explain
from callbax._core._fingerprint import configuration, fingerprint, without_number
from callbax._core._types import PyTree
from callbax._core._warnings import warn
from callbax._stores._protocol import RunState, RunStore
from callbax._training._engine import Engine
from callbax._training._jaxpr_key import constants_of
from callbax._training._loop import Epochs
from callbax.saving._contents import Contents

Identity = Mapping[str, str]
"""Name of a setting -> what it is."""

_BOUND = {"step": ("JAX", "batch_size")}
"""Facts that only tell something if others are equal: batches of another size, another program."""

_UNNAMED = {*_BOUND, "JAX", "batch_size"}
"""Facts that may differ by themselves; of batches, the place in the data decides."""

_ADDRESS = re.compile(r"0x[0-9a-f]+|\bid=\d+")
"""What differs in the text of a program from process to process."""


def identity_of(engine: Engine, batch: PyTree, data: Identity) -> dict[str, str]:
    """Returns what a fit belongs to.

    Args:
        engine: What runs the model, in a run.
        batch: Shapes and dtypes of a batch.
        data: What there is to say of the data.
    """
    recipe = engine.recipe
    optimizer, goals = recipe.optimizer, recipe.goals
    settings = configuration(optimizer)
    rate = settings.pop("learning_rate", None)
    facts = {
        "optimizer": type(optimizer).__name__,
        **{f"optimizer.{name}": fingerprint(value) for name, value in settings.items()},
        "loss": fingerprint(goals.loss),
        "loss_weights": fingerprint(goals.loss_weights),
        "metrics": fingerprint([goals.metrics, goals.weighted_metrics]),
        "logs": ", ".join(sorted(map(without_number, engine.log_keys()))),
        **data,
        "JAX": jax.__version__,
    }
    if engine.step == 0:  # later it may be what hooks have made of it
        facts["learning_rate"] = fingerprint(rate) if rate else repr(engine.learning_rate)
    if not recipe.run_eagerly:
        facts["step"] = _digest_of(engine.line.jaxpr(batch))
    return facts


def differences(recorded: Identity, now: Identity) -> list[str]:
    """Returns what differs, as "name: what it is for what it was".

    What only one of them knows does not count: another version may know more.
    """
    common = [name for name in recorded if name in now]
    different = {name for name in common if recorded[name] != now[name]}
    named = [name for name in common if name in different and name not in _UNNAMED]
    texts = [f"{name} {_short(now[name])} for {_short(recorded[name])}" for name in named]
    for name in different & _BOUND.keys():
        if not named and not different.intersection(_BOUND[name]):
            texts.append("the computation of a training step: another structure or constant")
    return texts


def recorded_run(
    store: RunStore, identity: Identity, epochs: Epochs, like: Contents
) -> RunState | None:
    """Returns the state from which a fit continues; None if there is none.

    The end of a fit counts unless more epochs are asked for than that fit was to train: these
    continue from the state before its end, which may have changed the weights.

    Args:
        store: Where the run is recorded.
        identity: What the fit belongs to.
        epochs: Which epochs it is to train.
        like: The model's arrays, where they are.

    Raises:
        ValueError: The run is that of another fit, and the store allows no changes; or it has
            trained more epochs than are asked for.
        OSError: There is something, and nothing of it can be read.
    """
    states = store.states(like)
    run = next((run for run in states if run.finished is None or run.finished >= epochs.end), None)
    if run is None:
        return None
    changes = differences(run.identity, identity)
    if run.epoch > epochs.end or (run.epoch == epochs.end and run.batch):
        changes.append(f"epochs {epochs.end}, of which the run has trained {run.epoch}")
    if changes and store.allow_changes:
        warn(f"{store.where}: the run continues with other settings: {'; '.join(changes)}.")
    elif changes:
        raise ValueError(
            explain(
                store.where,
                expected="the fit that was recorded there",
                received=f"one that differs in: {'; '.join(changes)}",
                action="Call it as before, take another directory, or pass `allow_changes=True` "
                "to continue in the new way. Nothing was changed.",
            )
        )
    return run


def _digest_of(jaxpr: ClosedJaxpr) -> str:
    """Returns a digest of a step as a program: its structure, numbers and arrays count."""
    text = _ADDRESS.sub("", "\n".join([str(jaxpr), *map(fingerprint, constants_of(jaxpr))]))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
