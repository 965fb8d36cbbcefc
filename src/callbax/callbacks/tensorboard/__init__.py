"""Event files for TensorBoard."""

from callbax.callbacks.tensorboard._callback import TensorBoard

__all__ = ["TensorBoard"]
