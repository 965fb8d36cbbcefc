"""Keras's own training steps as pure functions: losses, metrics and optimizers are Keras's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from callbax._core._errors import describe, explain
from callbax._core._types import Array, PyTree
from callbax._modules._keras import KerasFunctional
from callbax._modules._keras_inside import (
    build_all,
    directions,
    loaded,
    loss_of_one,
    mask_of,
    noting_loss,
    overrides,
    overrides_training,
)
from callbax._modules._keras_live import Place, live_variables
from callbax._modules._own_training import (
    NumbersAccess,
    OwnState,
    OwnTraining,
    Seen,
    StepError,
    StepResult,
)
from callbax._modules._protocol import Batch
from callbax.losses import SparseCategoricalCrossentropy


class KerasTraining(OwnTraining):
    """The steps of a Keras model on JAX: ``train_step``, ``test_step``, ``predict_step``.

    Overridden or not, they are pure already: lists of arrays go in and come out. Which optimizer,
    metrics and losses the model has is asked each time, as the user may compile it again.

    Args:
        functional: The model.
    """

    def __init__(self, functional: KerasFunctional) -> None:
        self._functional = functional
        self.module = functional.module

    @property
    def optimizer(self) -> Any:
        return getattr(self.module, "optimizer", None) if self.module.compiled else None

    @property
    def loss(self) -> Any:
        return getattr(self.module, "loss", None)

    @property
    def steps_per_execution(self) -> int | None:
        steps = int(getattr(self.module, "steps_per_execution", 1))
        return steps if steps > 1 else None

    @property
    def run_eagerly(self) -> bool:
        compiled = self.module.compiled
        return bool(compiled and (self.module.run_eagerly or not self.module.jit_compile))

    def bind(self, batch: Batch) -> None:
        data = tuple(part for part in batch if part is not None)
        build_all(self.module, data)

    @property
    def needs_targets(self) -> bool:
        return self.loss is not None and not overrides_training(self.module)

    def class_losses(self) -> Any:
        losses = _map(_class_loss, self.loss)
        each = losses.values() if isinstance(losses, dict) else losses
        return losses if any(each if isinstance(losses, dict | list) else [losses]) else None

    def sealed(self) -> AbstractContextManager[None]:
        variables = [*self.module.variables, *self._variables, *self.module.metrics_variables]
        unique = {id(variable): variable for variable in variables}
        return live_variables([Place(v, partial(_held, v.value), _refuse) for v in unique.values()])

    def read(self) -> tuple[list[Array], Array]:
        rate = self._rate
        arrays = [variable.value for variable in self._numbers]
        return arrays, jnp.zeros((), jnp.float32) if rate is None else rate.value

    def write(self, optimizer: Sequence[Array], learning_rate: Array, metrics: Any) -> None:
        pairs = [*zip(self._numbers, optimizer, strict=True)]
        if self._rate is not None:
            pairs.append((self._rate, learning_rate))
        if metrics:
            pairs += zip(self.module.metrics_variables, metrics, strict=True)
        for variable, array in pairs:
            if variable.value is not array:
                variable.assign(array)

    def metrics(self) -> list[Array]:
        if self.optimizer is None:
            return []
        return [variable.value for variable in self.module.metrics_variables]

    def reset(self) -> list[Array | None]:
        keras: Any = loaded()
        with keras.StatelessScope() as scope:
            self.module.reset_metrics()
        variables = self.module.metrics_variables
        found = [scope.get_current_value(variable) for variable in variables]
        return [
            None if array is None else jnp.asarray(array, variable.value.dtype)
            for variable, array in zip(variables, found, strict=True)
        ]

    def train(self, state: OwnState, batch: Batch) -> StepResult:
        trained, others = self._functional.lists(state.variables)
        numbers = self._with_rate(state.optimizer, state.learning_rate)
        with noting_loss(self.module) as noted:
            logs, after = self.module.train_step(
                (trained, others, numbers, list(state.metrics)), packed(batch)
            )
        trained, others, numbers, metrics = after
        variables = self._functional.after(state.variables, trained, others)
        optimizer, rate = self._without_rate(list(numbers), state.learning_rate)
        moved = OwnState(variables, optimizer, rate, list(metrics))
        return StepResult(self._checked(logs, "train_step"), _last(noted), moved)

    def look(self, state: OwnState, batch: Batch) -> Seen:
        if overrides(self.module, "train_step"):
            raise TypeError(
                explain(
                    "moment.outputs, moment.losses, moment.gradients()",
                    expected="a model that trains by Keras's own step or by callbax's",
                    received=f"{type(self.module).__name__}.train_step, a step of the user's own",
                    action="Override `compute_loss` instead, or compile with callbax's optimizer.",
                )
            )
        trained, others = self._functional.lists(state.variables)
        numbers = self._with_rate(state.optimizer, state.learning_rate)

        def total(trained: list[Array]) -> tuple[Array, Any]:
            # As `train_step` does it; the loss that is not scaled for the sake of half precision.
            _, (loss, output, *_) = self.module.compute_loss_and_updates(
                trained,
                others,
                list(state.metrics),
                *batch,
                training=True,
                optimizer_variables=numbers,
            )
            return loss, (output, [mask_of(leaf) for leaf in jax.tree.leaves(output)])

        (loss, (output, masks)), slopes = jax.value_and_grad(total, has_aux=True)(trained)
        gradients = self._functional.after(state.variables, slopes, others).params
        return Seen(output, loss, self._losses(batch, output, masks), gradients)

    def _losses(self, batch: Batch, output: PyTree, masks: list[Any]) -> Array | None:
        """Returns the loss of each sample; None if there is no such thing."""
        if self.loss is None or overrides(self.module, "compute_loss"):
            return None
        try:
            each: Array = jax.vmap(partial(loss_of_one, self.module))(batch[1:], output, masks)
        except (TypeError, ValueError):  # it looks at the whole batch
            return None
        return each

    def test(self, state: OwnState, batch: Batch) -> StepResult:
        trained, others = self._functional.lists(state.variables)
        with noting_loss(self.module) as noted:
            logs, after = self.module.test_step(
                (trained, others, list(state.metrics)), packed(batch)
            )
        trained, others, metrics = after
        variables = self._functional.after(state.variables, trained, others)
        moved = state._replace(variables=variables, metrics=list(metrics))
        return StepResult(self._checked(logs, "test_step"), _last(noted), moved)

    def predict(self, state: OwnState, x: PyTree) -> tuple[PyTree, OwnState]:
        lists, data = self._functional.lists(state.variables), packed((x, None, None))
        output, others = self.module.predict_step(lists, data)
        variables = self._functional.after(state.variables, lists[0], others)
        return output, state._replace(variables=variables)

    def directions(self) -> dict[str, str]:
        return directions(self.module)

    def live(self, state: NumbersAccess) -> AbstractContextManager[None]:
        places = [
            Place(variable, partial(_read_number, state, i), partial(_put_number, state, i))
            for i, variable in enumerate(self._numbers)
        ]
        if self._rate is not None:
            places.append(Place(self._rate, partial(_read_rate, state), partial(_put_rate, state)))
        if self.optimizer is not None:
            places += [
                Place(variable, partial(_read_metric, state, i), partial(_put_metric, state, i))
                for i, variable in enumerate(self.module.metrics_variables)
            ]
        return live_variables(places)

    def averaged(self) -> list[int] | None:
        averages = getattr(_inner(self.optimizer), "_model_variables_moving_average", None)
        if not averages:
            return None
        places = {id(variable): i for i, variable in enumerate(self._numbers)}
        return [places[id(variable)] for variable in averages]

    @property
    def use_ema(self) -> bool:
        return bool(getattr(_inner(self.optimizer), "use_ema", False))

    @property
    def _variables(self) -> list[Any]:
        optimizer = self.optimizer
        return [] if optimizer is None else list(optimizer.variables)

    @property
    def _rate(self) -> Any:
        """The variable that holds the learning rate; None if a schedule or function sets it."""
        optimizer, keras = self.optimizer, loaded()
        rate = None if optimizer is None else optimizer.learning_rate
        return rate if isinstance(rate, keras.Variable) else None

    @property
    def _numbers(self) -> list[Any]:
        """The optimizer's variables without the learning rate."""
        rate = self._rate
        return [variable for variable in self._variables if variable is not rate]

    def _with_rate(self, numbers: Sequence[Array], learning_rate: Array) -> list[Array]:
        rest, rate = iter(numbers), self._rate
        return [learning_rate if v is rate else next(rest) for v in self._variables]

    def _without_rate(self, numbers: Sequence[Array], before: Array) -> tuple[list[Array], Array]:
        rate = self._rate
        pairs = list(zip(self._variables, numbers, strict=True))
        after = next((array for variable, array in pairs if variable is rate), before)
        return [array for variable, array in pairs if variable is not rate], after

    def _checked(self, logs: Any, step: str) -> dict[str, Array]:
        where = f"{type(self.module).__name__}.{step}"
        if not isinstance(logs, Mapping):
            raise StepError(
                explain(
                    where,
                    expected="a dict of logs and the state",
                    received=describe(logs),
                    action="Return `logs, state`, as Keras's own step for JAX does.",
                )
            )
        found = {str(key): jnp.asarray(value) for key, value in _flat(logs)}
        for key, value in found.items():
            if value.size != 1:
                raise StepError(
                    explain(
                        where,
                        expected="logs that are scalars",
                        received=f"{key!r} of shape {value.shape}",
                        action="Report a mean, or one key for each element.",
                    )
                )
        return {key: value.reshape(()) for key, value in found.items()}


def _class_loss(loss: Any) -> Any:
    """Returns callbax's loss of class numbers that does as one of Keras; None for others."""
    keras: Any = loaded()
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        config = loss.get_config()
        names = ("from_logits", "ignore_class", "axis")
        return SparseCategoricalCrossentropy(**{n: config[n] for n in names if n in config})
    named = getattr(loss, "__name__", loss)
    return SparseCategoricalCrossentropy() if named == "sparse_categorical_crossentropy" else None


def _map(function: Callable[[Any], Any], losses: Any) -> Any:
    if isinstance(losses, Mapping):
        return {key: function(loss) for key, loss in losses.items()}
    if isinstance(losses, list | tuple):
        return [function(loss) for loss in losses]
    return function(losses)


def _held(array: Array) -> Array:
    return array


def _refuse(value: Array) -> None:
    raise StepError(
        explain(
            "train_step, test_step or call",
            expected="a step that returns what its variables become",
            received="one that assigns a variable while it is traced",
            action="In JAX, metrics are updated by `stateless_update_state`, and weights by "
            "`optimizer.stateless_apply`.",
        )
    )


def packed(batch: Batch) -> Any:
    """Returns a batch as Keras hands it to its steps."""
    x, y, weight = batch
    if weight is not None:
        return x, y, weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, tuple | list) else x


def _inner(optimizer: Any) -> Any:
    """Returns the optimizer inside of one that scales losses."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _last(noted: list[Any]) -> Array:
    return jnp.float32(jnp.nan) if not noted else jnp.asarray(noted[-1], jnp.float32).reshape(())


def _flat(logs: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    for key, value in logs.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield key, value


def _read_number(state: NumbersAccess, place: int) -> Array:
    return state.read_own().optimizer[place]


def _put_number(state: NumbersAccess, place: int, value: Array) -> None:
    own = state.read_own()
    state.write_own(own._replace(optimizer=_replaced(own.optimizer, place, value)))


def _read_rate(state: NumbersAccess) -> Array:
    rate: Array = jnp.float32(state.learning_rate)  # known without replaying anything
    return rate


def _put_rate(state: NumbersAccess, value: Array) -> None:
    state.learning_rate = float(value)


def _read_metric(state: NumbersAccess, place: int) -> Array:
    return state.read_own().metrics[place]


def _put_metric(state: NumbersAccess, place: int, value: Array) -> None:
    own = state.read_own()
    state.write_own(own._replace(metrics=_replaced(own.metrics, place, value)))


def _replaced(arrays: Sequence[Array], place: int, value: Array) -> list[Array]:
    return [value if i == place else array for i, array in enumerate(arrays)]
