"""Keras's training experience on JAX: fit, evaluate and predict with callbacks."""

__all__: list[str] = []
