"""The Lecun initializers."""

from callbax.initializers._fans import FanInitializer
from callbax.initializers._lookup import INITIALIZERS


@INITIALIZERS.register()
class LecunUniform(FanInitializer):
    """Draws uniformly within ``sqrt(3 / inputs)`` of zero.

    For networks that normalize themselves, with the activation `selu`.

    Args:
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.
        input_axes: The axes of the weight to count as inputs; ``None`` for all but the last.
        output_axes: The axes to count as outputs; ``None`` for all but the last but one.

    Example:
        >>> bool(abs(LecunUniform(seed=1)((3, 3))).max() <= 1 ** 0.5)
        True

    Source: Klambauer et al., 2017, https://arxiv.org/abs/1706.02515.
    """

    scale: float = 1.0
    mode = "fan_in"
    distribution = "uniform"


@INITIALIZERS.register()
class LecunNormal(FanInitializer):
    """Draws from a truncated normal distribution of deviation ``sqrt(1 / inputs)``.

    For networks that normalize themselves, with the activation `selu`.

    Args:
        seed: An integer for the same values every time; ``None`` draws one now from Python's
            ``random``.
        input_axes: The axes of the weight to count as inputs; ``None`` for all but the last.
        output_axes: The axes to count as outputs; ``None`` for all but the last but one.

    Example:
        >>> LecunNormal(seed=1)((3, 3)).shape
        (3, 3)

    Source: Klambauer et al., 2017, https://arxiv.org/abs/1706.02515.
    """

    scale: float = 1.0
    mode = "fan_in"
    distribution = "truncated_normal"


lecun_uniform = LecunUniform
lecun_normal = LecunNormal
