"""A plugin for Keras's own tests: its trainer served by callbax, its callbacks callbax's."""

import inspect

import keras
import keras.src.callbacks as theirs

import callbax.callbacks as ours
import callbax.keras_training

NAMES = [name for name in ours.__all__ if hasattr(theirs, name)]


class Callbacks:
    """Keras's package of callbacks, with callbax's in place of those that it has."""

    def __getattr__(self, name):
        return getattr(ours if name in NAMES else theirs, name)


def pytest_collection_modifyitems(items):
    for module in {item.module for item in items}:
        for name, value in list(vars(module).items()):
            if value in (theirs, keras.callbacks):
                setattr(module, name, Callbacks())
            elif inspect.isclass(value) and value in [getattr(theirs, name) for name in NAMES]:
                setattr(module, name, getattr(ours, value.__name__))


def pytest_sessionfinish():
    print(f"\n{callbax.keras_training.served()}")
