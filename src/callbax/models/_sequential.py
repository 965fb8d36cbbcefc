"""A model made of layers in a row."""

from collections.abc import Iterable, Mapping
from typing import Any, Self, cast

import jax
from flax import nnx

from callbax._core._calls import public
from callbax._core._errors import describe, explain
from callbax._core._keras import is_of_keras
from callbax._core._naming import auto_name
from callbax._core._types import DataLike, ShapeLike
from callbax._core._warnings import warn
from callbax._modules._protocol import Part
from callbax._modules._stack import StackFunctional, spec_of
from callbax._training._objective import Goals
from callbax._training._pace import StepsPerExecution
from callbax.distribution import Distribution
from callbax.layers import Input
from callbax.layers._stack import Stack
from callbax.layers._symbolic import twin
from callbax.models._files import MODELS
from callbax.models._functional import sequential_model, unwrapped
from callbax.models._keras_model import KerasModel
from callbax.models._model import Model
from callbax.optimizers import Optimizer
from callbax.saving import deserialize_keras_object, serialize_keras_object


@MODELS.register()
class Sequential(Model):
    """A model made of layers in a row, each fed with the output of the one before.

    Args:
        layers: Callbax layers or any ``nnx.Module``; more may come with `add`.
        trainable: Whether training changes the weights.
        name: Its name.
        seed: Fixes initial values, dropout and the order of the data; without it they follow from
            ``utils.set_random_seed``, initial values as in Keras.
        distribution: How weights and batches are divided among devices, as for `Model`.

    Example:
        >>> from callbax.layers import Dense
        >>> model = Sequential([Dense(8, activation="relu", input_shape=(4,)), Dense(1)])
        >>> [layer.units for layer in model.layers]
        [8, 1]
        >>> model.count_params()
        49
    """

    def __init__(
        self,
        layers: Iterable[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        *,
        seed: int | None = None,
        distribution: Distribution | None = None,
    ) -> None:
        name = name or auto_name(type(self).__name__)
        stack = Stack(name, trainable, type(self).__name__)
        super().__init__(stack, seed=seed, name=name, distribution=distribution)
        self._input_shape: Any = None
        self._seed, self._distribution = seed, distribution
        # What the user gave: in the module stands the stack of a `Sequential`.
        self._given: list[Any] = []
        for layer in _listed(layers):
            self.add(layer)

    @public("Sequential.add")
    def add(self, layer: object) -> None:
        """Puts one more layer at the end.

        Args:
            layer: A callbax layer, a `Sequential` or an ``nnx.Module``; a class is not taken. With
                a layer of Keras, the whole model becomes Keras's, trained as `Model` trains it.

        Raises:
            TypeError: It is not one of these.
            ValueError: Its name is taken, it does not fit the layer before it, or it is an `Input`
                and not the first.
        """
        if isinstance(layer, KerasModel) or is_of_keras(layer, "layers", "Layer"):
            self._become_keras(layer)
            return
        part = layer.as_layer() if isinstance(layer, Model) else layer
        if not isinstance(part, nnx.Module):
            raise TypeError(
                explain(
                    "Sequential.add(layer)",
                    expected="an instance of a layer, of `Sequential` or of `flax.nnx.Module`",
                    received=describe(layer),
                    action="Make the layer first: add(Dense(10)); wrap a function in Activation.",
                )
            )
        name, stack = getattr(part, "name", None), self.module
        if name is not None and any(getattr(old, "name", None) == name for old in self.layers):
            raise ValueError(
                explain(
                    f'Sequential.add(layer named "{name}")',
                    expected="a layer whose name is not taken",
                    received=f'a second "{name}"',
                    action="Give it another `name`.",
                )
            )
        if isinstance(part, Input):
            self._need_no_input(part)
        self._engine.forget()
        shape = _input_shape_of(layer)
        if not self.layers and stack.known.inputs is None and shape is not None:
            self._input_shape, stack.known.inputs = shape, spec_of(shape)
        if isinstance(part, Input):
            return
        self._stack.add(part)
        self._given.append(layer)
        if stack.known.inputs is not None:
            try:
                self._build_for(stack.known.inputs)
            except Exception:
                self.pop()
                raise

    def pop(self) -> Any:
        """Takes the last layer off and returns it."""
        self._engine.forget()
        self._stack.pop()
        return self._given.pop()

    @property
    def layers(self) -> list[Any]:
        """The layers in order, `Input` left out; live like the module."""
        return list(self._given)

    def build(self, input_shape: ShapeLike | None = None) -> None:
        """Makes the weights.

        Args:
            input_shape: Shape of a batch of inputs, None for the number of samples.

        Raises:
            ValueError: The model is built for inputs of another shape.
        """
        if not self.built:
            self._input_shape = input_shape
        elif self._input_shape is not None and not _same(self._input_shape, input_shape):
            raise ValueError(
                explain(
                    f"{self.name}.build({input_shape})",
                    expected=f"the shape it is built for, {self._input_shape}",
                    received="another one",
                    action="Make a new model for inputs of another shape.",
                )
            )
        super().build(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Returns the layers and the shape of the input as plain values.

        Raises:
            TypeError: A layer is a plain NNX module, or holds what plain values cannot describe.
        """
        layers = [serialize_keras_object(layer) for layer in self.layers]
        config = {"name": self.name, "trainable": self.module.trainable, "layers": layers}
        if (known := self._known_input_shape()) is not None:
            shape = serialize_keras_object(known)
            # In Keras the first layer of a built model says what the input looks like.
            name, inputs = "InputLayer", {"batch_shape": shape, "name": "input_layer"}
            layers.insert(0, {"module": "keras.layers", "class_name": name, "config": inputs})
            config["build_input_shape"] = shape
        return config

    def get_build_config(self) -> dict[str, Any] | None:
        """Returns the shape of a batch of inputs; None before the model is built."""
        return {"input_shape": self._known_input_shape()} if self.built else None

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Makes a model, its weights new, of what `get_config` returned, here or in Keras.

        Args:
            config: What `get_config` returned; layers as plain values or as objects.
            custom_objects: Classes and functions of your own, by name.

        Raises:
            ValueError: A layer is unknown, or its arguments do not fit.
        """
        layers = deserialize_keras_object(config["layers"], custom_objects)
        model = cls(layers, trainable=config.get("trainable", True), name=config.get("name"))
        shape = config.get("build_input_shape")
        if shape and layers and not model.built:
            model.build(shape)
        return model

    def as_keras(self) -> Any:
        """Returns Keras's `Sequential` of the same layers, for one of its functional models."""
        shape = self._known_input_shape()
        first = [] if shape is None else [Input(batch_shape=shape)]
        return sequential_model([*first, *self._given], self.name)

    def _become_keras(self, layer: object) -> None:
        """Puts a layer of Keras at the end, after which the whole model is one of Keras.

        Layers of callbax go in as the Keras layers of the same arguments; weights that exist are
        made again, from the seeds of Keras.
        """
        model, seed, distribution = self.as_keras(), self._seed, self._distribution
        model.add(twin(unwrapped(layer)))
        vars(self).clear()
        changed: Any = self
        changed.__class__ = KerasModel
        changed.__init__(model, seed=seed, distribution=distribution)

    @property
    def _stack(self) -> StackFunctional:
        return cast(StackFunctional, self._engine.functional)

    def _parts(self) -> list[Part]:
        return [
            Part(part.name, given, part.output)
            for part, given in zip(super()._parts(), self._given, strict=True)
        ]

    def _compile(
        self, optimizer: Optimizer, goals: Goals, steps: StepsPerExecution, *, run_eagerly: bool
    ) -> None:
        super()._compile(optimizer, goals, steps, run_eagerly=run_eagerly)
        last = self.layers[-1] if self.layers else None
        squashes = getattr(getattr(last, "activation", None), "__name__", "")
        takes_scores = any(getattr(loss, "from_logits", False) is True for loss in goals.losses())
        if takes_scores and squashes in ("softmax", "sigmoid"):
            warn(
                "`compile(loss=...)`: expected scores before a softmax or sigmoid, as "
                f"from_logits=True, received the outputs of a {squashes}.\n"
                f"Leave `activation` out of the last layer, or from_logits out of the loss."
            )

    def _build_for(self, x: DataLike) -> None:
        self._need_rank(x)
        super()._build_for(x)

    def _need_rank(self, x: Any) -> None:
        """Raises if inputs have another number of dimensions than the first layer says."""
        known = self._input_shape
        if not isinstance(known, tuple | list) or not hasattr(x, "shape"):
            return  # several inputs: they are compared when they come
        ranks = len(known), len(x.shape)
        if ranks[0] == ranks[1] or 1 in (known[-1], x.shape[-1]):
            return
        raise ValueError(
            explain(
                f"{self.name}(inputs)",
                expected=f"inputs of shape {tuple(known)}, as the first layer says",
                received=describe(x),
                action="`input_shape` is that of one sample, without their number: "
                f"input_shape={tuple(x.shape[1:])}.",
            )
        )

    def _need_no_input(self, layer: Input) -> None:
        """Raises if it is known already what the input looks like, or what comes first."""
        if self.layers or self._input_shape is not None:
            raise ValueError(
                explain(
                    f"Sequential.add(Input({layer.batch_shape}))",
                    expected="one `Input`, before all layers",
                    received=f"a model whose input has the shape {self._input_shape}"
                    if self._input_shape is not None
                    else "a model that has layers",
                    action="Make a new model with this `Input` at its beginning.",
                )
            )

    def _known_input_shape(self) -> Any:
        """Returns the shape of a batch of inputs, as the user said it or as data had it."""
        if self._input_shape is not None or self.module.known.inputs is None:
            return self._input_shape
        return jax.tree.map(lambda leaf: (None, *leaf.shape[1:]), self.module.known.inputs)


def _listed(layers: object) -> Iterable[Any]:
    """Returns the layers that a `Sequential` is made of.

    Raises:
        TypeError: They are not in a list.
    """
    if layers is None:
        return ()
    if isinstance(layers, Iterable) and not isinstance(layers, str | nnx.Module):
        return layers
    raise TypeError(
        explain(
            "Sequential(layers)",
            expected="a list of layers",
            received=describe(layers),
            action="Put the layers in square brackets: Sequential([Dense(8), Dense(1)]).",
        )
    )


def _input_shape_of(layer: object) -> Any:
    """Returns the shape of a batch that a first layer asks for; None if it does not."""
    if isinstance(layer, Sequential):
        return layer._known_input_shape()  # noqa: SLF001  it is one of this class
    return getattr(layer, "batch_shape", None)


def _same(known: Any, shape: Any) -> bool:
    """Returns whether two shapes of batches agree, whatever their number of samples."""
    one = (known, shape)
    if not all(
        isinstance(s, tuple | list) and s and not isinstance(s[-1], tuple | list) for s in one
    ):
        return True  # several inputs: they are compared when they come
    return tuple(known[1:]) == tuple(shape[1:])
