"""The functions of TensorFlow's that scripts around Keras use, on arrays of JAX.

``import callbax as tf`` finds them at the root. Arguments have TensorFlow's names, places and
defaults; ``name``, which names a node of a graph, is taken and not used. Dtypes of 64 bits are
those of 32 bits unless JAX is told to have them (``jax.config.update("jax_enable_x64", True)``).

Source, of each under its name: https://www.tensorflow.org/api_docs/python/tf
"""

from callbax._tf import creation, dtypes, numbers, reductions, shapes
from callbax._tf.creation import *  # noqa: F403
from callbax._tf.dtypes import *  # noqa: F403
from callbax._tf.numbers import *  # noqa: F403
from callbax._tf.reductions import *  # noqa: F403
from callbax._tf.shapes import *  # noqa: F403

__all__: list[str] = []
__all__ += creation.__all__
__all__ += dtypes.__all__
__all__ += numbers.__all__
__all__ += reductions.__all__
__all__ += shapes.__all__
