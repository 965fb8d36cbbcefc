"""The base class of optimizers."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
import optax

from callbax._core._config import config_of
from callbax._core._naming import auto_name
from callbax._core._types import Array, ArrayLike, Arrays, PyTree, RateLike
from callbax.optimizers._arguments import (
    Default,
    fraction,
    merge_rates,
    need_one,
    optional_count,
    optional_number,
    reject_unknown,
)
from callbax.optimizers._arithmetic import average, clip, decay, like, overwrite
from callbax.optimizers._hyperparameter import Count, HyperParameter
from callbax.optimizers._live import Live, Source
from callbax.optimizers._optimizer_state import OptimizerState, ema_of
from callbax.optimizers._repr import told, told_in_html
from callbax.optimizers._setting import CompiledSetting, LiveNumber
from callbax.optimizers.schedules._schedule import deserialize, serialize

_RATE = Default(0.001)


class Optimizer(ABC):
    """Turns gradients into better weights.

    Subclass it for an optimizer of your own: override `transformation`. An optax transformation
    can also be passed to ``compile`` as it is. `init` and `update` are pure and run inside the
    compiled step; `learning_rate` and `iterations` show the training state of the model in use.

    Args:
        learning_rate: A number, a `LearningRateSchedule`, or a function of (step,) that can be
            traced, such as an optax schedule.
        weight_decay: Fraction of every weight, times the learning rate, taken off at each update.
        clipnorm: Largest norm of each gradient.
        clipvalue: Largest size of each number in a gradient.
        global_clipnorm: Largest norm of all gradients together.
        use_ema: Whether to keep moving averages of the weights, which `finalize` returns.
        ema_momentum: Fraction of the old averages kept at each step.
        ema_overwrite_frequency: After how many updates the weights become their averages.
        gradient_accumulation_steps: Over how many steps gradients are averaged for one update.
        name: Name; by default the class's own.
        lr: The older name of ``learning_rate``.
        **unknown: Refused.

    Raises:
        TypeError: An argument is unknown or of the wrong type.
        ValueError: An argument is out of bounds.

    Example:
        >>> class SignSGD(Optimizer):
        ...     def transformation(self, learning_rate):
        ...         return optax.sign_sgd(learning_rate)
        >>> optimizer, params = SignSGD(0.5), {"w": jnp.array([1.0, 2.0])}
        >>> grads = {"w": jnp.array([3.0, -3.0])}
        >>> params, state = optimizer.update(
        ...     grads, optimizer.init(params), params, learning_rate=0.5, step=0)
        >>> params["w"]
        Array([0.5, 2.5], dtype=float32)

    Differs from Keras: a subclass gives an optax transformation rather than ``update_step``; a
    schedule that is a plain function is called with the step; numbers out of bounds, a negative
    learning rate among them, are refused.

    Source: ``keras.optimizers.Optimizer``.
    """

    weight_decay = LiveNumber(optional_number)
    clipnorm = LiveNumber(optional_number)
    clipvalue = LiveNumber(optional_number)
    global_clipnorm = LiveNumber(optional_number)
    ema_momentum = LiveNumber(fraction)
    use_ema = CompiledSetting()
    ema_overwrite_frequency = CompiledSetting(partial(optional_count, least=1))
    gradient_accumulation_steps = CompiledSetting(partial(optional_count, least=2))

    def __init__(
        self,
        learning_rate: RateLike = _RATE,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        lr: RateLike | None = None,
        **unknown: Any,
    ) -> None:
        owner = type(self).__name__
        reject_unknown(type(self), unknown)
        need_one(owner, clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        self.live = self._make_live(merge_rates(type(self), learning_rate, lr))
        self.name: str = name or auto_name(owner)
        self.weight_decay, self.clipnorm, self.clipvalue = weight_decay, clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.gradient_accumulation_steps = gradient_accumulation_steps

    def _make_live(self, rate: object) -> Live:
        return Live(type(self).__name__, rate)

    @abstractmethod
    def transformation(self, learning_rate: Array) -> optax.GradientTransformation:
        """Returns the optax transformation for a learning rate.

        It is called again in every trace; the structure of its state must not depend on the rate.

        Args:
            learning_rate: The rate, a traced float32 scalar.

        Returns:
            A transformation that turns gradients into what is added to the weights.
        """

    def init(self, params: Arrays) -> PyTree:
        """Returns the state before the first step.

        Args:
            params: The weights, a flat dict of arrays.

        Returns:
            A pytree of fixed shapes and dtypes; `ema_of` finds the averages in it.
        """
        with jax.ensure_compile_time_eval():  # a schedule gives a number, while tracing too
            rate = jnp.asarray(np.float32(self.initial_learning_rate or 0.0))
        accumulates = self.gradient_accumulation_steps is not None
        return OptimizerState(
            transformation=self.transformation(rate).init(params),
            accumulated=jax.tree.map(jnp.zeros_like, params) if accumulates else None,
            # Copies: a compiled step cannot be given the same buffer twice to keep.
            averages=jax.tree.map(jnp.copy, params) if self.use_ema else None,
        )

    def update(
        self,
        grads: Arrays,
        opt_state: PyTree,
        params: Arrays,
        *,
        learning_rate: ArrayLike,
        step: ArrayLike,
    ) -> tuple[PyTree, PyTree]:
        """Returns weights and state after one more step.

        In Keras's order: accumulate gradients; once there are enough, clip their mean, decay the
        weights and descend; at every step, average the weights and, if due, overwrite them.

        Args:
            grads: Gradients, one per weight.
            opt_state: What `init` or the last `update` returned.
            params: The weights, a flat dict of arrays.
            learning_rate: The rate in the training state; a schedule takes precedence.
            step: How many steps came before with this state, those that only accumulated too.

        Returns:
            The new weights and the new state.

        Source: ``JaxOptimizer._backend_apply_gradients`` in Keras.
        """
        step = jnp.asarray(step, jnp.int32)
        rate = self.rate_at(jnp.asarray(learning_rate, jnp.float32), step)
        grads, accumulated = like(grads, params), None
        inner = opt_state.transformation
        every = self.gradient_accumulation_steps
        if every is None:
            params, inner = self._descend(grads, inner, params, rate)
        else:
            total = jax.tree.map(jnp.add, grads, opt_state.accumulated)
            mean = jax.tree.map(lambda g: g / every, total)
            nothing = jax.tree.map(jnp.zeros_like, total)
            params, inner, accumulated = jax.lax.cond(
                (step + 1) % every == 0,
                lambda: (*self._descend(mean, inner, params, rate), nothing),
                lambda: (params, inner, total),
            )
        averages = opt_state.averages
        if averages is not None:
            averages = average(averages, params, self.ema_momentum, self._updates(step))
            params = overwrite(params, averages, self.ema_overwrite_frequency, self._updates(step))
        return params, OptimizerState(inner, accumulated, averages)

    def rate_at(self, learning_rate: Array, step: Array) -> Array:
        """Returns the rate of a step: the one given, or the schedule's if there is one.

        Args:
            learning_rate: The rate in the training state.
            step: How many steps came before.
        """
        return self.live.at(learning_rate, step)

    def finalize(self, params: Arrays, opt_state: PyTree) -> PyTree:
        """Returns the weights with which training ends: the averages, if they are kept.

        Args:
            params: The weights after the last step.
            opt_state: The state after the last step.

        Source: ``finalize_variable_values`` in Keras, which ``fit`` calls at its end.
        """
        averages = ema_of(opt_state)
        # Copies, for the same reason as in `init`.
        return params if averages is None else jax.tree.map(jnp.copy, averages)

    def _descend(
        self, grads: Arrays, inner: PyTree, params: Arrays, rate: Array
    ) -> tuple[PyTree, PyTree]:
        grads = clip(grads, self.clipnorm, self.clipvalue, self.global_clipnorm)
        decayed = decay(params, self.weight_decay, rate)
        changes, moved = self.transformation(rate).update(grads, inner, decayed)
        return like(optax.apply_updates(decayed, changes), params), like(moved, inner)

    def _updates(self, step: Any) -> Any:
        return step // (self.gradient_accumulation_steps or 1)

    def __repr__(self) -> str:
        """Returns the constructor's call, without arguments that are as by default."""
        return told(self)

    def _repr_html_(self) -> str:
        return told_in_html(self)

    @property
    def learning_rate(self) -> HyperParameter:
        """The current learning rate; it may be set while training.

        With a schedule it is the rate of the current step, and cannot be set.

        Raises:
            AttributeError: An optax transformation keeps its learning rate to itself.
            TypeError: What is assigned is not a number, or a schedule sets it.
            ValueError: What is assigned is negative or not finite.

        Differs from Keras: a schedule can be set only while no model uses the optimizer.
        """
        self.live.read()  # raises if there is nothing to be seen
        return HyperParameter(self.live.read, self)

    @learning_rate.setter
    def learning_rate(self, value: RateLike) -> None:
        self.live.write(value)

    @property
    def lr(self) -> HyperParameter:
        """The older name of `learning_rate`."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: RateLike) -> None:
        self.learning_rate = value

    @property
    def initial_learning_rate(self) -> float | None:
        """The rate with which training starts; ``None`` if there is none to be seen."""
        return self.live.initial

    @property
    def iterations(self) -> Count:
        """How many updates the weights have had; 0 while no model uses the optimizer."""
        self._updates(self.live.step)  # raises if there is more than one number
        return Count(lambda: self._updates(self.live.step))

    built = True
    """The state comes with the model's weights; Keras's `BackupAndRestore` asks before it loads."""

    def bind(self, source: Source) -> Self:
        """Returns the optimizer of a model: a copy that speaks of that model's training state.

        This one is left as it is, so that several models may be compiled with it, each with a
        learning rate and a count of its own. While a single model uses it, its `learning_rate` and
        `iterations` are that model's; a rate that is set here reaches every model that uses it.

        Args:
            source: Where that state is read and written.
        """
        bound = copy.copy(self)
        vars(bound)["live"] = self.live.bound_to(source)
        return bound

    def traced(
        self, learning_rate: Array, step: Array, hyperparameters: Arrays
    ) -> AbstractContextManager[None]:
        """Lets whoever reads this optimizer in a trace, as a metric may, read the step's numbers.

        Args:
            learning_rate: The rate in the training state.
            step: How many steps came before.
            hyperparameters: The numbers that were assigned in training, by name.
        """
        return self.live.traced(learning_rate, step, hyperparameters)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as plain values, with the current rate.

        A subclass keeps arguments of its own as attributes, or adds them.

        Raises:
            TypeError: The schedule is a plain function, which plain values cannot describe.
        """
        schedule = self.live.schedule
        rate = float(self.learning_rate) if schedule is None else serialize(schedule)
        return config_of(self, leave_out=("lr", "learning_rate")) | {"learning_rate": rate}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Makes an optimizer of what `get_config` returned, here or in Keras.

        Args:
            config: The constructor's arguments; a schedule as `schedules.serialize` gives it.
            custom_objects: Schedules of your own, by name.
        """
        arguments = dict(config)
        if arguments.get("loss_scale_factor", 0) is None:
            del arguments["loss_scale_factor"]  # Keras writes it into every config.
        if isinstance(arguments.get("learning_rate"), Mapping):
            arguments["learning_rate"] = deserialize(arguments["learning_rate"], custom_objects)
        return cls(**arguments)
