"""One seed for a whole program."""

from callbax._core._arguments import is_whole
from callbax._core._errors import describe, explain
from callbax._core._rng import seed_generators

_LARGEST_SEED = 2**32 - 1


def set_random_seed(seed: int) -> None:
    """Makes a program repeatable: seeds Python's ``random`` and NumPy's global generator.

    Call it first thing. Initial weights and dropout draw their seeds from Python's ``random`` when
    layers are made, as in Keras; shuffling has a stream of its own. So after the same seed the same
    program gives the same numbers, and the same initial weights as with Keras.

    Keras is seeded too if it was imported.

    Differs from Keras: seeds no TensorFlow or torch; a seed that NumPy cannot take changes nothing.

    Args:
        seed: From 0 to 2**32 - 1.

    Raises:
        ValueError: ``seed`` is not an integer in that range.

    Example:
        >>> import random
        >>> set_random_seed(7)
        >>> first = random.random()
        >>> set_random_seed(7)
        >>> random.random() == first
        True

    Source: https://keras.io/api/utils/python_utils/#setrandomseed-function
    """
    if not is_whole(seed) or not 0 <= seed <= _LARGEST_SEED:
        raise ValueError(
            explain(
                "set_random_seed(seed)",
                expected="an int from 0 to 2**32 - 1",
                received=describe(seed),
                action="Pass one number of your choice, the same in every run to be repeated.",
            )
        )
    seed_generators(int(seed))
