"""Start again in the same process."""

import gc

from callbax._core._naming import clear_names


def clear_session(free_memory: bool = True) -> None:
    """Lets automatic names of layers and metrics start again from their first.

    Call it between models built in one process, so that each has the same names as if it were
    alone.

    Differs from Keras: nothing else is global here, so nothing else is cleared; models built
    before continue to work.

    Args:
        free_memory: Also have Python collect what nobody refers to any more.

    Example:
        >>> clear_session()

    Source: https://keras.io/api/utils/config_utils/#clearsession-function
    """
    clear_names()
    if free_memory:
        gc.collect()
