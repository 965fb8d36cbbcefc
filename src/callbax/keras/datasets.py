"""The room ``callbax.datasets`` under its Keras name: the same objects."""

from callbax.datasets import __all__, __dir__, __getattr__  # noqa: F401
