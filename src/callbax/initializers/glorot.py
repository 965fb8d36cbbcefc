"""The Glorot initializers."""

from callbax.initializers._fans import FanInitializer
from callbax.initializers._lookup import INITIALIZERS


@INITIALIZERS.register()
class GlorotUniform(FanInitializer):
    """Draws uniformly within ``sqrt(6 / (inputs + outputs))`` of zero.

    Keras's default for kernels; also called Xavier.

    Args:
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.
        input_axes: The axes of the weight to count as inputs; ``None`` for all but the last.
        output_axes: The axes to count as outputs; ``None`` for all but the last but one.

    Example:
        >>> bool(abs(GlorotUniform(seed=1)((3, 3))).max() <= 1 ** 0.5)
        True

    Source: Glorot and Bengio, 2010, https://proceedings.mlr.press/v9/glorot10a.html.
    """

    scale: float = 1.0
    mode = "fan_avg"
    distribution = "uniform"


@INITIALIZERS.register()
class GlorotNormal(FanInitializer):
    """Draws from a truncated normal distribution of deviation ``sqrt(2 / (inputs + outputs))``.

    For `tanh` and `sigmoid` networks; also called Xavier.

    Args:
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.
        input_axes: The axes of the weight to count as inputs; ``None`` for all but the last.
        output_axes: The axes to count as outputs; ``None`` for all but the last but one.

    Example:
        >>> GlorotNormal(seed=1)((3, 3)).shape
        (3, 3)

    Source: Glorot and Bengio, 2010, https://proceedings.mlr.press/v9/glorot10a.html.
    """

    scale: float = 1.0
    mode = "fan_avg"
    distribution = "truncated_normal"


glorot_uniform = GlorotUniform
glorot_normal = GlorotNormal
