"""Start again in the same process."""

import gc

from callbax._core._naming import clear_names
from callbax._training._pool import forget_programs


def clear_session(free_memory: bool = True) -> None:
    """Lets automatic names of layers and metrics start again, and forgets compiled programs.

    Call it between models built in one process, so that each has the same names as if it were
    alone. A model that is made again uses the compiled programs of an equal one before it, of which
    the last 32 are kept; after this call it compiles its own.

    Differs from Keras: nothing else is global here, so nothing else is cleared; models built
    before continue to work.

    Args:
        free_memory: Also have Python collect what nobody refers to any more.

    Example:
        >>> clear_session()

    Source: https://keras.io/api/utils/config_utils/#clearsession-function
    """
    clear_names()
    forget_programs()
    if free_memory:
        gc.collect()
