"""Pictures of models, drawn by Keras."""

import os
from typing import Any

from callbax._core._errors import describe, explain
from callbax._core._keras import import_keras


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int | None = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draws a model of Keras's own as a graph, and writes it to a file.

    For a look at how layers are connected; ``model.summary()`` shows any model as a table.

    Differs from Keras: refuses models that are not Keras's own, of which Keras would draw one box.

    Args:
        model: A model made of Keras's own layers.
        to_file: The picture's file.
        show_shapes: Whether to show the shapes of layers.
        show_dtype: Whether to show their dtypes.
        show_layer_names: Whether to show their names.
        rankdir: "TB" from top to bottom, "LR" from left to right.
        expand_nested: Whether to show what is inside of models in the model.
        dpi: Dots per inch.
        show_layer_activations: Whether to show activations.
        show_trainable: Whether to show what is trained.
        splines: How lines are drawn: "ortho", "curved", "polyline", "spline" or "line".
        **kwargs: Handed on to Keras.

    Returns:
        What Keras returns: the picture in a notebook, else None.

    Raises:
        ImportError: Keras, pydot or Graphviz is not installed.
        TypeError: The model is not one of Keras's own.

    Example:
        >>> plot_model(keras_model, "model.png", show_shapes=True)  # doctest: +SKIP

    Source: https://keras.io/api/utils/model_plotting_utils/
    """
    keras = import_keras("plot_model(model)")
    if not isinstance(model, keras.Model):
        raise TypeError(
            explain(
                "plot_model(model)",
                expected="a model made of Keras's own layers",
                received=describe(model),
                action="`model.summary()` shows its layers, shapes and weights.",
            )
        )
    return keras.utils.plot_model(
        model,
        to_file=to_file,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        **kwargs,
    )
