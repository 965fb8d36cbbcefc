"""The room ``callbax.wrappers`` under its Keras name: the same objects, made when asked for."""

from callbax.wrappers import __all__, __getattr__

__all__  # noqa: B018  names of that room
__getattr__  # noqa: B018
