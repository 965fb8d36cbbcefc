"""Shapes that a module does not tell: found by tracing it, once, for whoever asks."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._types import Array, PyTree
from callbax._modules._protocol import Applied, Functional, Variables

Outputs = dict[str, PyTree]
"""Name of a part -> shapes and dtypes of its last output."""

_WATCHED: ContextVar[tuple[Outputs, dict[int, str]] | None] = ContextVar("watched", default=None)
_PATCHING = threading.RLock()


class Traced(Functional):
    """A module whose shapes are found by tracing it on the inputs that it saw last."""

    _known: tuple[Any, tuple[tuple[PyTree, PyTree], Outputs]] | None = None

    def see(self, x: PyTree) -> None:
        """Remembers for what inputs the module is called."""
        self.inputs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), x)

    def shapes(self) -> tuple[PyTree, PyTree] | None:
        found = self._trace()
        return None if found is None else found[0]

    def outputs(self) -> Outputs:
        found = self._trace()
        return {} if found is None else found[1]

    def _call(self, variables: Variables, x: PyTree, training: bool, step: Array) -> Applied:
        """Computes as `apply` does, and traces all of it each time."""
        raise NotImplementedError

    def _trace(self) -> tuple[tuple[PyTree, PyTree], Outputs] | None:
        """Returns shapes of inputs and output, and of the parts' outputs; None if unknown."""
        if self.inputs is None or not self.built:
            return None
        form = self.structure, *jax.tree.flatten(self.inputs)
        if self._known is None or self._known[0] != form:
            try:
                self._known = form, self._traced(self.inputs)
            except (TypeError, ValueError):  # `build` is told shapes: dtypes may be others
                return None
        return self._known[1]

    def _traced(self, inputs: PyTree) -> tuple[tuple[PyTree, PyTree], Outputs]:
        def forward(variables: Variables, x: PyTree) -> PyTree:
            return self._call(variables, x, False, jnp.zeros((), jnp.int32)).output

        with watching() as outputs:
            output = jax.eval_shape(forward, self.read(), inputs)
        return (inputs, output), outputs


@contextmanager
def watching() -> Iterator[Outputs]:
    """Records the outputs of parts that `watched` is told of, in the calls within it."""
    outputs: Outputs = {}
    token = _WATCHED.set((outputs, {}))
    try:
        yield outputs
    finally:
        _WATCHED.reset(token)


@contextmanager
def watched(
    parts: Iterable[tuple[str, Any]], form: Callable[[PyTree], PyTree] | None = None
) -> Iterator[None]:
    """Lets the parts of a module that is about to be called be seen; costs nothing if none looks.

    Args:
        parts: Names and parts, objects whose class has a ``__call__``.
        form: Output of a part -> shapes and dtypes of a batch of it; None if they are its own.
    """
    if (watch := _WATCHED.get()) is None:
        yield
        return
    outputs, names = watch
    found = [(name, part) for name, part in parts if callable(part)]
    names |= {id(part): name for name, part in found}

    def note(part: Any, output: PyTree) -> None:
        if id(part) in names:
            outputs[names[id(part)]] = (form or forms)(output)

    with _PATCHING:
        patched = [_Patch(kind, note) for kind in {type(part) for _, part in found}]
        try:
            yield
        finally:
            for patch in reversed(patched):
                patch.undo()


class _Patch:
    """Tells of the calls of a class's objects, until it is undone."""

    def __init__(self, kind: Any, note: Any) -> None:
        self._kind, self._own = kind, vars(kind).get("__call__")
        call = kind.__call__

        def noted(part: Any, *args: Any, **kwargs: Any) -> Any:
            output = call(part, *args, **kwargs)
            note(part, output)
            return output

        kind.__call__ = noted

    def undo(self) -> None:
        """Gives the class its own method back."""
        if self._own is None:
            del self._kind.__call__
        else:
            self._kind.__call__ = self._own


def forms(output: PyTree) -> PyTree:
    """Returns the shapes and dtypes of an output."""
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf)), output
    )
