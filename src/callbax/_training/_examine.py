"""A look into one training step: outputs, losses, gradients, and where numbers went wrong."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from callbax._core._errors import explain
from callbax._core._types import Array, PyTree
from callbax._modules._own_training import Seen
from callbax._modules._protocol import Applied, Arrays, Variables
from callbax._training._engine import Engine
from callbax._training._native import NativeRecipe
from callbax._training._own import OwnRecipe
from callbax._training._state import TrainState


def examine(engine: Engine, state: TrainState, batch: PyTree) -> Seen:
    """Computes what the training step of a state and a batch computed.

    Raises:
        TypeError: The module brings a training step of its own, which does not tell.
    """
    recipe, module = engine.recipe, engine.functional
    if isinstance(recipe, OwnRecipe):
        return recipe.look(state, batch)
    objective = recipe.report if isinstance(recipe, NativeRecipe) else None
    if objective is None:
        raise TypeError(
            explain(
                "moment.gradients()",
                expected="a model that trains by losses of its outputs",
                received=f"{type(recipe).__name__}: the model's own training step",
                action="Compile it with an optimizer and losses of callbax's.",
            )
        )
    fields = vars(state)

    def total(params: Arrays) -> tuple[Array, Applied]:
        variables = Variables(params, state.stats, state.random)
        applied = module.apply(variables, batch[0], training=True, step=state.step)
        with engine.shown(fields, variables):
            return objective.losses(batch, applied, training=True)[0], applied

    def of_each(applied: Applied) -> Array:
        def of_one(sample: PyTree, output: PyTree, mask: PyTree) -> Array:
            one = jax.tree.map(lambda leaf: leaf[None], (sample, output, mask))
            alone = applied._replace(output=one[1], loss=None, mask=one[2])
            loss: Array = objective.losses(one[0], alone, training=True)[0]
            return loss

        with engine.shown(fields, state.variables):
            each: Array = jax.vmap(of_one)(batch, applied.output, applied.mask)
        return each

    @jax.jit
    def run(params: Arrays) -> tuple[Any, Array | None, Arrays]:
        (loss, applied), gradients = jax.value_and_grad(total, has_aux=True)(params)
        try:
            losses = of_each(applied)
        except (TypeError, ValueError):  # it looks at the whole batch
            losses = None
        return (applied.output, loss), losses, gradients

    (outputs, loss), losses, gradients = run(state.params)
    return Seen(outputs, loss, losses, gradients)


class Culprit(NamedTuple):
    """The first operation whose result is not finite though all that it was given is.

    Attributes:
        operation: Its name in JAX.
        scope: The layers around it, outermost first, as far as they have named themselves.
        line: The line of the source that it comes from.
    """

    operation: str
    scope: str
    line: str


def first_not_finite(engine: Engine, state: TrainState, x: PyTree) -> Culprit | None:
    """Returns where the forward pass first left the finite numbers; None if it never did."""

    def forward(variables: Variables, x: PyTree) -> PyTree:
        return engine.functional.apply(variables, x, training=True, step=state.step).output

    closed = jax.make_jaxpr(forward)(state.variables, x)
    values = [jnp.asarray(leaf) for leaf in jax.tree.leaves((state.variables, x))]
    return next(_bad_steps(closed, values), None)


def _bad_steps(closed: ClosedJaxpr, values: list[Any]) -> Iterator[Culprit]:
    """Runs a program operation by operation; yields those whose results are not finite."""
    known = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    known |= dict(zip(closed.jaxpr.invars, values, strict=True))
    for eqn in closed.jaxpr.eqns:
        given = [v.val if isinstance(v, Literal) else known[v] for v in eqn.invars]
        inner = eqn.params.get("jaxpr") or eqn.params.get("call_jaxpr")
        results = _run_alone(closed.jaxpr, eqn, given)
        known |= dict(zip(_kept(eqn), results, strict=True))
        if all(map(_is_finite, results)) or not all(map(_is_finite, given)):
            continue
        if isinstance(inner, ClosedJaxpr) and len(inner.jaxpr.invars) == len(given):
            yield from _bad_steps(inner, given)
        source = eqn.source_info
        yield Culprit(eqn.primitive.name, str(source.name_stack), _line(source))


def _run_alone(jaxpr: Any, eqn: Any, given: list[Any]) -> list[Any]:
    """Returns the results of one operation of a program."""
    places = [i for i, v in enumerate(eqn.invars) if not isinstance(v, Literal)]
    alone = jaxpr.replace(
        constvars=[],
        invars=[eqn.invars[i] for i in places],
        outvars=_kept(eqn),
        eqns=[eqn],
        debug_info=jaxpr.debug_info._replace(arg_names=None, result_paths=None),
    )
    results: list[Any] = jaxpr_as_fun(ClosedJaxpr(alone, []))(*(given[i] for i in places))
    return results


def _kept(eqn: Any) -> list[Any]:
    """Returns the results of an operation that something asks for."""
    return [v for v in eqn.outvars if type(v).__name__ != "DropVar"]


def _is_finite(value: Any) -> bool:
    return not jnp.issubdtype(value.dtype, jnp.inexact) or bool(jnp.isfinite(value).all())


def _line(source: Any) -> str:
    """Returns "file:line" of the user's code that an operation comes from."""
    frames = source.traceback.frames if source.traceback is not None else ()
    inside = ("/jax/", "/jaxlib/", "/flax/", "/callbax/", "/keras/", "/equinox/")
    for frame in frames:
        if not any(part in frame.file_name for part in inside):
            return f"{frame.file_name}:{frame.line_num}"
    return ""
