"""Layers in a row: what a `Sequential` is made of."""

from typing import Any

from callbax._core._types import PyTree
from callbax.layers._layer import Layer


class Known:
    """What is known of the data of layers in a row.

    Attributes:
        inputs: Shapes and dtypes of a batch of inputs; None until they are known.
        outputs: Those of what comes out of each layer that is built.
    """

    def __init__(self) -> None:
        self.inputs: PyTree = None
        self.outputs: list[PyTree] = []


class Stack(Layer):
    """Layers applied one after the other; a layer itself, as a `Sequential` may be in another.

    Args:
        name: What the variables of its layers are called after.
        trainable: Whether training changes the weights.
        model: Class of the model that it is the module of, as files say it.

    Attributes:
        layers: The layers.
        known: What is known of their inputs and outputs.
    """

    def __init__(self, name: str, trainable: bool = True, model: str = "Sequential") -> None:
        super().__init__(name=name, trainable=trainable)
        self.model = model
        self.layers: list[Any] = []
        self.known = Known()

    def call(self, inputs: Any) -> Any:
        """Returns the output of the last layer."""
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Returns what the config of a `Sequential` of these layers says."""
        return {"name": self.name, "trainable": self.trainable, "layers": list(self.layers)}
