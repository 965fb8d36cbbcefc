"""The He initializers."""

from callbax.initializers._fans import FanInitializer
from callbax.initializers._lookup import INITIALIZERS


@INITIALIZERS.register()
class HeUniform(FanInitializer):
    """Draws uniformly within ``sqrt(6 / inputs)`` of zero.

    For `relu` networks.

    Args:
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.
        input_axes: The axes of the weight to count as inputs; ``None`` for all but the last.
        output_axes: The axes to count as outputs; ``None`` for all but the last but one.

    Example:
        >>> bool(abs(HeUniform(seed=1)((3, 3))).max() <= 2 ** 0.5)
        True

    Source: He et al., 2015, https://arxiv.org/abs/1502.01852.
    """

    scale: float = 2.0
    mode = "fan_in"
    distribution = "uniform"


@INITIALIZERS.register()
class HeNormal(FanInitializer):
    """Draws from a truncated normal distribution of deviation ``sqrt(2 / inputs)``.

    For `relu` networks.

    Args:
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.
        input_axes: The axes of the weight to count as inputs; ``None`` for all but the last.
        output_axes: The axes to count as outputs; ``None`` for all but the last but one.

    Example:
        >>> HeNormal(seed=1)((3, 3)).shape
        (3, 3)

    Source: He et al., 2015, https://arxiv.org/abs/1502.01852.
    """

    scale: float = 2.0
    mode = "fan_in"
    distribution = "truncated_normal"


he_uniform = HeUniform
he_normal = HeNormal
