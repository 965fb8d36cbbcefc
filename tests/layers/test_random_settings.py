"""Layers of random settings beside Keras's: seeds, first weights, outputs, gradients."""

import random

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.extent import some

import callbax as cb

ACTIVATIONS = (None, "relu", "tanh", "sigmoid")
FORMATS = (None, "channels_last", "channels_first")
INITIALIZERS = ("glorot_uniform", "he_normal", "random_normal", "zeros", None)


def lengths(rng, rank, most):
    each = [rng.randint(1, most) for _ in range(rank)]
    return rng.choice([each[0], tuple(each)])


def data(rng, rank, channels, data_format, size=9):
    between = [rng.randint(size - 2, size) for _ in range(rank)]
    shape = [channels, *between] if data_format == "channels_first" else [*between, channels]
    return (4, *shape)


def convolution(rank):
    def settings(rng):
        groups, data_format = rng.choice([1, 1, 2]), rng.choice(FORMATS)
        spread = rng.random() < 0.4
        made = {
            "filters": 2 * rng.randint(1, 3),
            "kernel_size": lengths(rng, rank, 3),
            "strides": 1 if spread else lengths(rng, rank, 3),
            "padding": rng.choice(["valid", "same", "SAME", *["causal"] * (rank == 1)]),
            "data_format": data_format,
            "dilation_rate": lengths(rng, rank, 3) if spread else 1,
            "groups": groups,
            "activation": rng.choice(ACTIVATIONS),
            "use_bias": rng.random() < 0.7,
            "kernel_initializer": rng.choice(INITIALIZERS),
            "bias_initializer": rng.choice(INITIALIZERS),
        }
        return made, data(rng, rank, 2 * groups, data_format)

    return settings


def pooling(rank):
    def settings(rng):
        data_format = rng.choice(FORMATS)
        made = {
            "pool_size": lengths(rng, rank, 3),
            "strides": rng.choice([None, lengths(rng, rank, 3)]),
            "padding": rng.choice(["valid", "same"]),
            "data_format": data_format,
        }
        return made, data(rng, rank, 3, data_format)

    return settings


def all_of_it(rank):
    def settings(rng):
        data_format = rng.choice(FORMATS)
        made = {"data_format": data_format, "keepdims": rng.random() < 0.5}
        return made, data(rng, rank, 3, data_format)

    return settings


def normalization(**more):
    def settings(rng):
        rank = rng.randint(2, 4)
        axes = [-1, rank - 1, *([1] if rank > 2 else [])]
        made = {
            "axis": rng.choice(axes),
            "epsilon": rng.choice([1e-3, 1e-5, 0.1]),
            "center": rng.random() < 0.7,
            "scale": rng.random() < 0.7,
            "beta_initializer": rng.choice(INITIALIZERS),
            "gamma_initializer": rng.choice(["ones", "random_normal"]),
        }
        if not more:
            made["axis"] = rng.choice([made["axis"], [made["axis"]], list(range(1, rank))])
        return made | {name: rng.choice(values) for name, values in more.items()}, (6, 3, 4, 5)[
            :rank
        ]

    return settings


def recurrent(**more):
    def settings(rng):
        made = {
            "units": rng.randint(1, 5),
            "activation": rng.choice(ACTIVATIONS),
            "recurrent_activation": rng.choice(["sigmoid", "hard_sigmoid"]),
            "use_bias": rng.random() < 0.7,
            "kernel_initializer": rng.choice(INITIALIZERS),
            "recurrent_initializer": rng.choice(["orthogonal", "glorot_uniform"]),
            "bias_initializer": rng.choice(INITIALIZERS[:-1]),
            "return_sequences": rng.random() < 0.5,
            "return_state": rng.random() < 0.3,
            "go_backwards": rng.random() < 0.4,
            "unroll": rng.random() < 0.3,
        }
        made |= {name: rng.choice(values) for name, values in more.items()}
        return made, (4, rng.randint(1, 5), rng.randint(1, 4))

    return settings


def embedding(rng):
    made = {"input_dim": 7, "output_dim": rng.randint(1, 4)}
    return made | {"embeddings_initializer": rng.choice(["uniform", *INITIALIZERS])}, (4, 5)


def reshape(rng):
    return {"target_shape": rng.choice([(24,), (-1, 4), (3, 2, 4), [2, -1], (4, 6)])}, (5, 2, 3, 4)


def permute(rng):
    return {"dims": rng.sample([1, 2, 3], 3)}, (5, 2, 3, 4)


def repeat(rng):
    return {"n": rng.randint(1, 4)}, (5, 3)


def frame(rank):
    def settings(rng):
        data_format = rng.choice(FORMATS)
        each = [rng.randint(0, 2), rng.randint(0, 2)]
        padding = [each[0], tuple(each), *[(tuple(each), (1, 0))] * (rank == 2)]
        made = {"padding": rng.choice(padding), "data_format": data_format}
        return made, data(rng, rank, 2, data_format)

    return settings


FAMILIES = {
    "Conv1D": convolution(1),
    "Conv2D": convolution(2),
    **{f"{kind}Pooling{rank}D": pooling(rank) for kind in ("Max", "Average") for rank in (1, 2)},
    **{
        f"Global{kind}Pooling{rank}D": all_of_it(rank)
        for kind in ("Max", "Average")
        for rank in (1, 2)
    },
    "BatchNormalization": normalization(momentum=[0.99, 0.5, 0.0]),
    "LayerNormalization": normalization(),
    "LSTM": recurrent(unit_forget_bias=[True, False]),
    "GRU": recurrent(reset_after=[True, False]),
    "Embedding": embedding,
    "Reshape": reshape,
    "Permute": permute,
    "RepeatVector": repeat,
    "ZeroPadding1D": frame(1),
    "ZeroPadding2D": frame(2),
}
CALLS = {"BatchNormalization": ({"training": True}, {"training": True}, {})}
"""How a layer is called, if more than once."""


def close(received, expected, what):
    pairs = zip(jax.tree.leaves(received), jax.tree.leaves(expected), strict=True)
    for one, another in pairs:
        # Sums are rounded like their largest parts.
        scale = max(1.0, np.abs(np.nan_to_num(another)).max(initial=0.0))
        np.testing.assert_allclose(one, another, rtol=1e-5, atol=2e-6 * scale, err_msg=what)


def inputs_of(family, shape, seed):
    numbers = np.random.default_rng(seed)
    if family == "Embedding":
        return numbers.integers(0, 8, shape).astype("int32")  # one is outside the table
    return (3 * numbers.normal(size=shape) + 1).astype("float32")


@pytest.mark.parametrize("seed", some(range(10), range(2)))
@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_keras_s(family, seed):
    settings, shape = FAMILIES[family](random.Random(f"{family} {seed}"))
    x = inputs_of(family, shape, seed)
    results = []
    for lib in (keras, cb):
        lib.utils.set_random_seed(seed)
        layer = getattr(lib.layers, family)(**settings)
        drawn = random.random()
        outputs = [jax.tree.map(np.asarray, layer(x, **call)) for call in CALLS.get(family, ({},))]
        first = layer.get_weights()
        changed = [np.abs(w + np.float32(0.1 + i)) for i, w in enumerate(first)]
        layer.set_weights(changed)
        outputs.append(jax.tree.map(np.asarray, layer(x)))
        results.append((drawn, first, outputs, layer.count_params(), layer.get_weights()))
    (drawn, first, outputs, count, after), ours = results
    assert type(layer).__module__.startswith("callbax.")
    assert ours[0] == drawn, "seeds that Keras draws"
    if family == "BatchNormalization":
        close(ours[1], first, "weights after training")
    else:
        for one, another in zip(ours[1], first, strict=True):
            np.testing.assert_array_equal(one, another, err_msg="first weights")
    close(ours[2], outputs, "outputs")
    close(ours[4], after, "weights")
    assert ours[3] == count


@pytest.mark.parametrize("seed", some(range(4), range(1)))
@pytest.mark.parametrize("family", FAMILIES)
def test_its_config_makes_it_in_keras_too(family, seed):
    settings, shape = FAMILIES[family](random.Random(f"config {family} {seed}"))
    x = inputs_of(family, shape, seed)
    ours = getattr(cb.layers, family)(**settings)
    theirs = keras.saving.deserialize_keras_object(cb.saving.serialize_keras_object(ours))
    again = cb.saving.deserialize_keras_object(keras.saving.serialize_keras_object(theirs))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config() or family in SEEDED
    expected = jax.tree.map(np.asarray, theirs(x))
    for layer in (ours, again):
        layer(x)
        layer.set_weights(theirs.get_weights())
        close(jax.tree.map(np.asarray, layer(x)), expected, "outputs")


SEEDED = (
    "Embedding",
    "Conv1D",
    "Conv2D",
    "BatchNormalization",
    "LayerNormalization",
    "LSTM",
    "GRU",
)
"""Layers with initializers: Keras writes these as objects, not as names."""


@pytest.mark.parametrize("family", ["Conv2D", "LSTM", "GRU", "LayerNormalization"])
def test_gradients_are_keras_s(family):
    settings, shape = FAMILIES[family](random.Random(f"gradients {family}"))
    x = jnp.asarray(inputs_of(family, shape, 0))

    def gradient(lib):
        lib.utils.set_random_seed(1)
        layer = getattr(lib.layers, family)(**settings)
        layer(x)
        return jax.grad(lambda x: sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(layer(x))))(x)

    close(gradient(cb), gradient(keras), "gradients")
