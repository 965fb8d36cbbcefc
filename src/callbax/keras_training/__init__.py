"""Keras's own `fit`, `evaluate` and `predict`, served by callbax from this import on.

A script that uses Keras on the JAX backend needs one more line, before it trains::

    import callbax.keras_training

Every hook of every batch is called as before, with the model as of that batch; many steps run in
one dispatch. What cannot be served so is left to Keras, with a warning that says why. `give_back`
ends it, `take_over` begins it again. In a notebook ``%load_ext callbax`` does the same, and
``python -m callbax script.py`` runs a script that says nothing of callbax.
"""

from callbax.keras_training._takeover import Served, give_back, served, take_over

__all__ = ["Served", "give_back", "served", "take_over"]

take_over()
