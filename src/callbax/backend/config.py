"""The constants that Keras lets a program ask for."""


def epsilon() -> float:
    """Returns the small number that keeps logarithms and divisions finite.

    Differs from Keras: it cannot be set; losses and optimizers take their own.

    Example:
        >>> epsilon()
        1e-07

    Source: https://keras.io/api/utils/backend_utils/
    """
    return 1e-7


def floatx() -> str:
    """Returns the float type of weights and metrics.

    Differs from Keras: it cannot be set.

    Example:
        >>> floatx()
        'float32'

    Source: https://keras.io/api/utils/backend_utils/
    """
    return "float32"


def image_data_format() -> str:
    """Returns the axis order of images: batch, height, width, channels.

    Differs from Keras: it cannot be set.

    Example:
        >>> image_data_format()
        'channels_last'

    Source: https://keras.io/api/utils/backend_utils/
    """
    return "channels_last"
