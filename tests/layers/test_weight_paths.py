"""Weights are told in the same order with names and without, whatever layers hold."""

import pytest
from flax import nnx

import callbax as cb

layers = cb.layers


class Twice(nnx.Module):
    """Holds one part in two places, statistics, and a list."""

    def __init__(self, rngs):
        self.norm = nnx.BatchNorm(3, rngs=rngs)
        self.parts = nnx.List([nnx.Linear(3, 3, rngs=rngs) for _ in range(2)])
        self.again = self.parts[0]

    def __call__(self, x):
        for part in (*self.parts, self.again):
            x = part(x)
        return self.norm(x)


ROWS = {
    "plain": lambda: [layers.Dense(3), layers.Dense(1)],
    "statistics": lambda: [layers.Dense(3), layers.BatchNormalization(), layers.Dense(1)],
    "inner": lambda: [cb.Sequential([layers.Dense(3), layers.BatchNormalization()])],
    "modules": lambda: [layers.Dense(3), Twice(nnx.Rngs(0)), layers.Dropout(0.5)],
}


@pytest.mark.parametrize("row", ROWS)
def test_paths_come_in_the_order_of_the_weights(row):
    model = cb.Sequential(ROWS[row]())
    model.build((None, 4))
    functional = model._engine.functional
    assert list(functional.weight_paths()) == [weight.path for weight in functional.weights()]
    model.add(layers.Dense(2))
    model.build((None, 4))
    assert list(functional.weight_paths()) == [weight.path for weight in functional.weights()]
    assert len(model.get_weights()) == len(model.weights)
