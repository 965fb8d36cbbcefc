"""Keras's room of this name."""

from callbax.keras._through import through_keras

__getattr__ = through_keras("random")
