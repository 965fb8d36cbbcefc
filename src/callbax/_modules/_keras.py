"""A Keras 3 model seen as pure functions."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from operator import is_
from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._errors import explain
from callbax._core._rng import SeedSource
from callbax._core._types import Array, PyTree
from callbax._modules._keras_inside import (
    build,
    compilation,
    is_built,
    loaded,
    mask_of,
    takes_training,
    trainer_class,
)
from callbax._modules._keras_live import Place, live_variables
from callbax._modules._protocol import (
    Applied,
    Arrays,
    Functional,
    Part,
    StateAccess,
    Variables,
    Weight,
)
from callbax._modules._signature import telling


def keras_functional(module: Any) -> Functional | None:
    """Returns a Keras model as pure functions; None for anything else.

    Raises:
        TypeError: It is a model of another backend than JAX.
    """
    return KerasFunctional(module) if is_keras_model(module) else None


def is_keras_model(module: Any) -> bool:
    """Returns whether something is a Keras model that runs on JAX.

    Raises:
        TypeError: It is a model of another backend than JAX.
    """
    keras = loaded()
    if keras is None or not isinstance(module, (keras.Model, trainer_class())):
        return False
    if (reason := unusable()) is not None:
        raise TypeError(
            explain(
                f"Model({type(module).__name__})",
                expected="a Keras model on the JAX backend",
                received=reason,
                action="Set KERAS_BACKEND=jax in the environment before keras is imported.",
            )
        )
    return True


def unusable() -> str | None:
    """Returns what of Keras's settings callbax cannot work with; None if all is well."""
    keras: Any = loaded()
    if keras.backend.backend() != "jax":
        return f"the backend {keras.backend.backend()!r}"
    if keras.config.is_nnx_enabled():
        return "NNX mode (keras.config.is_nnx_enabled())"
    return None


class KerasFunctional(Functional):
    """The forward pass of a Keras model, through ``stateless_call``.

    Variables go by their place among ``model.variables``: Keras makes new names up for every
    model. Weights are `params` or `stats`; all else that a model holds, such as the states of its
    seed generators, is `random`, and moves as in Keras, by what a step draws.

    Args:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        self.module = model
        self._form: tuple[list[Any], list[bool]] = ([], [])
        self._structure: object = None

    def __getstate__(self) -> dict[str, Any]:
        # What it was compiled with goes with the model: Keras pickles no part of that alone.
        return {"model": self.module}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def built(self) -> bool:
        return is_built(self.module)

    def build(self, x: PyTree, seeds: SeedSource | None) -> None:
        try:
            build(self.module, symbolic(x))
        except ValueError:  # Keras has said what does not fit
            raise
        except Exception as error:
            raise RuntimeError(
                explain(
                    f"{type(self.module).__name__}(inputs)",
                    expected="a model that can be called with symbolic inputs, to make its weights",
                    received=f"{type(error).__name__}: {error}",
                    action="Compute with `keras.ops` or `jax.numpy`, without asking for values; or "
                    "call the model on a batch of data first.",
                )
            ) from error

    @property
    def structure(self) -> object:
        """Another object once variables were frozen, added or taken away, or it was compiled."""
        variables = self.module.variables
        objects, flags = [*compilation(self.module), *variables], [v.trainable for v in variables]
        known = len(objects) == len(self._form[0]) and all(map(is_, objects, self._form[0]))
        if not known or flags != self._form[1]:
            self._form, self._structure = (objects, flags), object()
        return self._structure

    def fields(self) -> dict[str, dict[str, Any]]:
        """Returns field of `Variables` -> path -> variable of the model."""
        weights = {id(weight) for weight in self.module.weights}
        trained = {id(weight) for weight in self.module.trainable_variables}
        found: dict[str, dict[str, Any]] = {"params": {}, "stats": {}, "random": {}}
        for number, variable in enumerate(self.module.variables):
            kind = "stats" if id(variable) in weights else "random"
            found["params" if id(variable) in trained else kind][str(number)] = variable
        return found

    def read(self) -> Variables:
        return Variables(
            **{
                field: {path: variable.value for path, variable in variables.items()}
                for field, variables in self.fields().items()
            }
        )

    def write(self, variables: Variables) -> None:
        for field, found in self.fields().items():
            arrays = getattr(variables, field)
            for path, variable in found.items():
                if variable.value is not arrays[path]:
                    variable.assign(arrays[path])

    @property
    def moves_random(self) -> bool:
        return True

    def apply(self, variables: Variables, x: PyTree, *, training: bool, step: Array) -> Applied:
        model = self.module
        asks = {"training": training} if takes_training(model) else {}
        trained, others = self.lists(variables)
        with telling(model, x):
            output, others, losses = model.stateless_call(
                trained, others, x, return_losses=True, **asks
            )
        masks = [mask_of(leaf) for leaf in jax.tree.leaves(output)]
        after = self.after(variables, trained, others)
        return Applied(
            output,
            after.stats,
            random=after.random,
            loss=sum(losses, start=jnp.zeros((), jnp.float32)) if losses else None,
            mask=None
            if all(mask is None for mask in masks)
            else jax.tree.unflatten(jax.tree.structure(output), masks),
        )

    def lists(self, variables: Variables) -> tuple[list[Array], list[Array]]:
        """Returns arrays as Keras lists them: of what is trained, and of what is not."""
        arrays = variables.params | variables.stats | variables.random
        places = {id(v): str(number) for number, v in enumerate(self.module.variables)}
        model = self.module
        return (
            [arrays[places[id(v)]] for v in model.trainable_variables],
            [arrays[places[id(v)]] for v in model.non_trainable_variables],
        )

    def after(
        self, variables: Variables, trained: Sequence[Array], others: Sequence[Array]
    ) -> Variables:
        """Returns the variables that Keras's lists hold, those of `lists` after a call."""
        places = {id(v): str(number) for number, v in enumerate(self.module.variables)}
        model = self.module
        listed = zip(
            (*model.trainable_variables, *model.non_trainable_variables),
            (*trained, *others),
            strict=True,
        )
        arrays = {places[id(variable)]: array for variable, array in listed}

        def renewed(field: Mapping[str, Array]) -> Arrays:
            return {path: arrays[path] for path in field}

        return Variables(*map(renewed, variables))

    def weights(self) -> Sequence[Weight]:
        places = {id(v): str(number) for number, v in enumerate(self.module.variables)}
        return [
            Weight(places[id(v)], f"{number}/{v.path}", v.path)
            for number, v in enumerate(self.module.weights)
        ]

    @property
    def trainable(self) -> bool:
        return bool(self.module.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.module.trainable = value

    def parts(self) -> list[Part]:
        return [Part(layer.name, layer) for layer in self.module.layers]

    def size_of(self, part: Part) -> int:
        return int(part.value.count_params()) if part.value.built else 0

    def live(self, state: StateAccess) -> AbstractContextManager[None]:
        return live_variables(
            [
                Place(
                    variable, partial(_read, state, field, path), partial(_put, state, field, path)
                )
                for field, variables in self.fields().items()
                for path, variable in variables.items()
            ]
        )


def _read(state: StateAccess, field: str, path: str) -> Array:
    array: Array = getattr(state.read_variables(), field)[path]
    return array


def _put(state: StateAccess, field: str, path: str, value: Array) -> None:
    variables = state.read_variables()
    arrays = getattr(variables, field) | {path: value}
    state.write_variables(variables._replace(**{field: arrays}))


def symbolic(batch: PyTree) -> PyTree:
    """Returns arrays, or their shapes and dtypes, as Keras's symbolic tensors."""
    keras: Any = loaded()
    return jax.tree.map(
        lambda leaf: keras.KerasTensor(leaf.shape, keras.backend.standardize_dtype(leaf.dtype)),
        batch,
    )
