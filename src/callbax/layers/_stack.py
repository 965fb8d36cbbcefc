"""Layers in a row: what a `Sequential` is made of."""

from typing import Any

from callbax._core._types import PyTree
from callbax.layers._layer import Layer


class Stack(Layer):
    """Layers applied one after the other; a layer itself, as a `Sequential` may be in another.

    Args:
        name: What the variables of its layers are called after.
        trainable: Whether training changes the weights.

    Attributes:
        layers: The layers.
        outputs: Shapes and dtypes of the outputs of those that are built.
        input_spec: Shapes and dtypes of a batch of inputs; None until they are known.
    """

    def __init__(self, name: str, trainable: bool) -> None:
        super().__init__(name=name, trainable=trainable)
        self.layers: list[Any] = []
        self.outputs: tuple[PyTree, ...] = ()
        self.input_spec: PyTree = None

    def call(self, inputs: Any) -> Any:
        """Returns the output of the last layer."""
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs
