"""The base class of layers."""

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from numpy.typing import NDArray

from callbax._core._arguments import count, shape
from callbax._core._config import config_of, unknown_arguments
from callbax._core._errors import describe, explain
from callbax._core._misfits import explain_arguments
from callbax._core._naming import auto_name
from callbax._core._registry import Registry
from callbax._core._rng import SeedSource
from callbax._core._types import Array, InitializerLike
from callbax.initializers import get as get_initializer
from callbax.layers._containers import Arrivals, hold
from callbax.layers._copies import copied
from callbax.layers._layer_type import FORMER, LayerType
from callbax.layers._members import frozen_variables, inner_layers, keras_order, values
from callbax.layers._symbolic import Born, called, is_symbolic
from callbax.layers._weight import Kept, Trained

layers = Registry("layer", alternatives="a `Layer` or any `nnx.Module`")

Shape = tuple[int | None, ...]
"""Shape of a batch; the first dimension is that of the samples."""


_OF_THE_INPUT = ("input_shape", "input_dim")
"""Arguments that say what the data look like, not what the layer is."""
_training: ContextVar[bool | None] = ContextVar("training", default=None)
"""Whether the layer around the one that is called is being trained; None outside of a call."""
_building: ContextVar[SeedSource | None] = ContextVar("building", default=None)
"""Where the seeds of layers come from that are built inside another one."""
_made: ContextVar[list[tuple[Any, Any]] | None] = ContextVar("made", default=None)
"""Takes the first values of what is built, if somebody wants them."""


class Layer(nnx.Module, metaclass=LayerType):
    """One step from inputs to outputs, its weights made when the input's shape is first known.

    Subclass it as in Keras: make weights in `build`, use them in `call`; layers that it holds, in
    attributes, lists, tuples and dicts, count as its own. A layer is an ``nnx.Module``, so NNX
    transformations and modules work with it and inside it.

    Args:
        name: Its name; by default the class's, numbered.
        trainable: Whether training changes its weights.
        input_shape: Shape of one sample, if it is the first layer.
        input_dim: Length of one sample that is a vector.

    Example:
        >>> import jax.numpy as jnp
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> Scale()(jnp.ones((2, 3))).shape
        (2, 3)
    """

    is_input = False
    """Whether it stands for the input of a model, as `Input` does."""

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        input_shape: tuple[int | None, ...] | None = None,
        input_dim: int | None = None,
    ) -> None:
        self._born = Born()
        self.name: str = name or auto_name(type(self).__name__)
        self._trainable = trainable
        self.built: bool = False
        # NNX's `train()` and `eval()` set this attribute on every module that has it.
        self.deterministic = True
        sample: Shape | None = None
        if input_shape is not None:
            sample = shape(type(self).__name__, "input_shape", input_shape)
        elif input_dim is not None:
            sample = (count(type(self).__name__, "input_dim", input_dim, least=0),)
        self.batch_shape: Shape | None = None if sample is None else (None, *sample)
        self._seeds: SeedSource | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        explain_arguments(cls, FORMER)
        if "build" in vars(cls):
            cls.build = _built_once(cls.build)  # type: ignore[method-assign]

    def __setattr__(self, name: str, value: Any) -> None:
        held = hold(value)
        if nnx.is_data(held):
            vars(self).setdefault("_arrivals", Arrivals()).record(name)
            # Explicitly: NNX would refuse a part where there was none, such as None, until now.
            held = nnx.data(held)
        super().__setattr__(name, held)

    def __deepcopy__(self, memo: Any = None) -> Self:
        again: Self = copied(self, {} if memo is None else memo)
        return again

    @property
    def trainable(self) -> bool:
        """Whether training changes its weights; set it for the layers in it too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in inner_layers(self):
            layer.trainable = value

    def build(self, input_shape: Shape) -> None:
        """Makes the weights; override it if there are any.

        Args:
            input_shape: Shape of a batch of inputs, (samples or None, ...).

        Raises:
            ValueError: The layer has its weights already.
        """
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Computes the outputs; every layer overrides this.

        Args:
            inputs: A batch, shape (samples, ...). A parameter named ``training`` is passed if
                there is one.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__}.call",
                expected="a layer that overrides `call(self, inputs)`",
                received="none",
                action="Define `call` in the class.",
            )
        )

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        if is_symbolic(inputs):
            return called(self, inputs, *args, **kwargs)
        if not self.built:
            self.ensure_built(**_shapes(self, inputs, *args, **kwargs))
        parameters = inspect.signature(self.call).parameters
        if training is None:
            training = _training.get()
        if training is None and not self.deterministic:
            training = True
        asks = "training" in parameters and len(args) < list(parameters).index("training")
        if training is None and asks and isinstance(parameters["training"].default, bool):
            training = parameters["training"].default
        around = _training.set(training)
        try:
            if asks:
                kwargs["training"] = bool(training)
            return self.call(inputs, *args, **kwargs)
        finally:
            _training.reset(around)

    def ensure_built(
        self, input_shape: Any = None, seeds: SeedSource | None = None, **shapes: Any
    ) -> None:
        """Builds the layer unless it is built.

        Args:
            input_shape: Shape of a batch of inputs.
            seeds: Where seeds that the user left open come from; None for those that the layer
                drew when it was made.
            **shapes: For a `build` of several inputs, their shapes by name in place of the one.
        """
        if not self.built:
            seeds = seeds or _building.get()
            if seeds is not None:
                self._seeds = seeds
            around = _building.set(seeds)
            try:
                self.build(**shapes) if shapes else self.build(input_shape)
            finally:
                _building.reset(around)
            if (made := _made.get()) is not None:
                made += values(self)

    def add_weight(
        self,
        shape: tuple[int, ...] = (),
        initializer: InitializerLike | None = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> nnx.Variable[Array]:
        """Makes a weight; assign it to an attribute of the layer.

        Args:
            shape: Its shape.
            initializer: Name or instance; by default glorot_uniform, for a scalar zeros.
            dtype: Its dtype, float32 by default.
            trainable: Whether gradients change it.
            name: Taken for compatibility; the attribute's name is the weight's.

        Returns:
            An ``nnx.Param``, or an ``nnx.Variable`` if it is not trainable, with Keras's `assign`.
        """
        chosen = initializer if initializer is not None else "glorot_uniform" if shape else "zeros"
        make: Any = get_initializer(chosen, self._seeds)
        value = make(tuple(shape), dtype or jnp.float32)
        return Trained(value) if trainable else Kept(value)

    @property
    def weights(self) -> list[nnx.Variable[Array]]:
        """The layer's variables, trainable ones first."""
        return [variable for _, variable in keras_order(self)]

    @property
    def variables(self) -> list[nnx.Variable[Array]]:
        """The layer's variables, trainable ones first.

        Differs from Keras: the state of random streams is left out.
        """
        return self.weights

    @property
    def trainable_weights(self) -> list[nnx.Variable[Array]]:
        """The variables that training changes."""
        if not self.trainable:
            return []
        frozen = frozen_variables(self)
        return [v for v in self.weights if isinstance(v, nnx.Param) and id(v) not in frozen]

    @property
    def non_trainable_weights(self) -> list[nnx.Variable[Array]]:
        """The variables that training leaves alone."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trained]

    @property
    def trainable_variables(self) -> list[nnx.Variable[Array]]:
        """Another name of `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[nnx.Variable[Array]]:
        """Another name of `non_trainable_weights`."""
        return self.non_trainable_weights

    def get_weights(self) -> list[NDArray[Any]]:
        """Returns copies of the layer's weights."""
        return [np.array(variable.get_value()) for variable in self.weights]

    def set_weights(self, weights: list[NDArray[Any]]) -> None:
        """Replaces the layer's weights.

        Raises:
            ValueError: Their number or shapes differ.
        """
        variables = self.weights
        shapes = [tuple(np.shape(weight)) for weight in weights]
        expected = [tuple(variable.get_value().shape) for variable in variables]
        if shapes != expected:
            raise ValueError(
                explain(
                    f"{self.name}.set_weights",
                    expected=f"weights of shapes {expected}",
                    received=f"shapes {shapes}",
                    action="Pass what `get_weights` of an equal layer returned.",
                )
            )
        for variable, weight in zip(variables, weights, strict=True):
            old = variable.get_value()
            variable.set_value(jnp.asarray(weight, old.dtype))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, of which `from_config` makes an equal layer.

        A layer that keeps arguments of its own in other ways overrides this and adds them.

        Raises:
            TypeError: A layer keeps no attribute of the name of an argument.
        """
        # A class that says itself what its config is adds what is unknown here.
        unknown = unknown_arguments(self, leave_out=_OF_THE_INPUT)
        if unknown and "get_config" not in vars(type(self)):
            raise TypeError(
                explain(
                    f"{type(self).__name__}.get_config()",
                    expected="a layer that keeps what it was made with as attributes",
                    received=f"{type(self).__name__}, whose arguments {sorted(unknown)} are "
                    "unknown",
                    action="Keep them as attributes, or override it: return "
                    "{**super().get_config(), ...} with these.",
                )
            )
        return config_of(self, leave_out=_OF_THE_INPUT)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Makes a layer, its weights new, of what `get_config` returned.

        Args:
            config: The constructor's arguments by name.
        """
        return cls(**{name: _afresh(value) for name, value in config.items()})

    def count_params(self) -> int:
        """Returns how many numbers the weights hold."""
        return sum(variable.get_value().size for variable in self.weights)


explain_arguments(Layer, FORMER)  # constructors of layers hand on to it what they do not know


@contextmanager
def building(seeds: SeedSource | None) -> Iterator[list[tuple[Any, Any]]]:
    """Lets layers that are built meanwhile take their seeds from here.

    Args:
        seeds: Where they come from; None for those that the layers drew when they were made.

    Yields:
        A list that gets (variable, first value) of what is built.
    """
    made: list[tuple[Any, Any]] = []
    around = _building.set(seeds), _made.set(made)
    try:
        yield made
    finally:
        _building.reset(around[0])
        _made.reset(around[1])


def check_rank(layer: Layer, inputs: Any, rank: int) -> None:
    """Raises unless a batch has at least the rank that a layer needs."""
    if inputs.ndim < rank:
        raise ValueError(
            explain(
                f"{layer.name}(inputs)",
                expected=f"inputs of at least {rank} dimensions, the first one of samples",
                received=describe(inputs),
                action="Reshape the data: x.reshape(len(x), -1) gives one row per sample.",
            )
        )


def _built_once(build: Callable[..., None]) -> Callable[..., None]:
    """Wraps a `build` so that the layer is built after it, and keeps its weights from then on."""

    @functools.wraps(build)
    def wrapped(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self.built and self.weights:
            raise ValueError(
                explain(
                    f"{self.name}.build",
                    expected="a layer that is not built yet",
                    received="one that has its weights",
                    action="Make a new layer for inputs of another shape; `set_weights` replaces "
                    "values.",
                )
            )
        build(self, *args, **kwargs)
        self.built = True

    return wrapped


def _shapes(layer: Layer, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Returns the arguments of `build` for a call: one shape, or those of the names it asks for."""
    names = list(inspect.signature(layer.build).parameters)
    if len(names) < 2:
        return {"input_shape": _shape_of(args[0])}
    given = inspect.signature(layer.call).bind(*args, **kwargs).arguments
    by_name = {name: name.removesuffix("_shape") for name in names}
    return {name: _shape_of(given[arg]) for name, arg in by_name.items() if arg in given}


def _afresh(value: Any) -> Any:
    """Returns an argument of a layer with new layers in place of those that it holds."""
    if isinstance(value, Layer):
        return value.from_config(value.get_config()) if value.built else copy.deepcopy(value)
    if isinstance(value, Mapping):
        return {key: _afresh(part) for key, part in value.items()}
    return [_afresh(part) for part in value] if isinstance(value, list | tuple) else value


def _shape_of(inputs: Any) -> Any:
    return jax.tree.map(lambda leaf: (None, *np.shape(leaf)[1:]), inputs)
