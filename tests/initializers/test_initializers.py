import inspect
import json
import random

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from callbax import initializers
from callbax._core._rng import SeedSource

CLASSES = sorted(name for name in initializers.__all__ if name[0].isupper())
CLASSES.remove("Initializer")
SEEDED = sorted(set(CLASSES) - {"Zeros", "Ones", "Constant", "Identity"})
ALIASES = ["zero", "one", "normal", "uniform", "IdentityInitializer", "OrthogonalInitializer"]
SHAPES = [(7, 5), (5, 7), (3, 3, 4, 8)]

VARIANTS = [
    ("Constant", {"value": 0.3}),
    ("Identity", {"gain": 3.0}),
    ("RandomNormal", {"mean": 1.0, "stddev": 0.3}),
    ("RandomUniform", {"minval": 0.1, "maxval": 3.0}),
    ("TruncatedNormal", {"mean": -1.0, "stddev": 2.0}),
    ("Orthogonal", {"gain": 1.7}),
    ("GlorotUniform", {"input_axes": [0], "output_axes": [0, 1]}),
    ("HeNormal", {"input_axes": [1], "output_axes": [0]}),
] + [
    ("VarianceScaling", {"scale": 0.7, "mode": mode, "distribution": distribution})
    for mode in ("fan_in", "fan_out", "fan_avg")
    for distribution in ("uniform", "normal", "untruncated_normal", "Truncated_Normal")
]


def both(name, **options):
    return getattr(initializers, name)(**options), getattr(keras.initializers, name)(**options)


@pytest.mark.every(2)
@pytest.mark.parametrize("seed", [0, 1337, 2**32 - 1])
@pytest.mark.parametrize("name", SEEDED)
def test_seeded_values_are_keras_s_bits(name, seed):
    ours, theirs = both(name, seed=seed)
    for shape in SHAPES:
        np.testing.assert_array_equal(ours(shape), theirs(shape), err_msg=f"{name} {shape}")


# Neither library decomposes a bfloat16 matrix.
@pytest.mark.every(3)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", sorted(set(SEEDED) - {"Orthogonal"}))
def test_seeded_values_in_low_precision(name, dtype):
    ours, theirs = both(name, seed=1337)
    for shape in SHAPES[:2]:
        mine, other = ours(shape, dtype), theirs(shape, dtype)
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other, err_msg=f"{name} {shape}")


@pytest.mark.every(2)
@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_arguments_mean_what_they_mean_in_keras(name, options):
    seed = {"seed": 3} if name in SEEDED else {}
    ours, theirs = both(name, **options, **seed)
    np.testing.assert_array_equal(ours((6, 9)), theirs((6, 9)))


@pytest.mark.parametrize("name", SEEDED)
def test_vectors_and_scalars(name):
    ours, theirs = both(name, seed=5)
    if name == "Orthogonal":
        with pytest.raises(ValueError, match="expected a shape of at least two dimensions"):
            ours((4,))
        return
    for shape in [(4,), ()]:
        np.testing.assert_array_equal(ours(shape), theirs(shape))


@pytest.mark.parametrize("dtype", [None, "float16", "int32"])
@pytest.mark.parametrize("name", ["Zeros", "Ones", "Constant", "Identity"])
def test_constants(name, dtype):
    ours, theirs = both(name)
    assert ours((3, 4), dtype).dtype == theirs((3, 4), dtype).dtype
    np.testing.assert_array_equal(ours((3, 4), dtype), theirs((3, 4), dtype))


@pytest.mark.parametrize("name", CLASSES)
def test_signature_is_keras_s(name):
    def arguments(entry):
        return [(p.name, p.default) for p in inspect.signature(entry).parameters.values()]

    assert arguments(getattr(initializers, name)) == arguments(getattr(keras.initializers, name))


@pytest.mark.parametrize("name", [n for n in initializers.__all__ if n in dir(keras.initializers)])
def test_every_name_of_keras_is_a_name_here(name):
    if name in {"Initializer", "get", "serialize"}:
        return
    entry = getattr(initializers, name)
    assert entry.__name__ == getattr(keras.initializers, name).__name__
    assert isinstance(initializers.get(name), entry)


@pytest.mark.parametrize("name", ALIASES)
def test_short_names(name):
    ours, theirs = initializers.get(name), keras.initializers.get(name)
    assert type(ours).__name__ == type(theirs).__name__


def test_default_seeds_are_drawn_as_keras_draws_them():
    names = ["GlorotUniform", "Zeros", "HeNormal", "Orthogonal", "RandomNormal"]

    def values(room):
        random.seed(42)
        made = [getattr(room, name)() for name in names] + [room.get("lecun_normal")]
        return [initializer((4, 3)) for initializer in reversed(made)]

    for ours, theirs in zip(values(initializers), values(keras.initializers), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_seed_is_fixed_when_made_and_not_by_calling():
    made = initializers.GlorotUniform()
    np.testing.assert_array_equal(made((3, 3)), made((3, 3)))
    assert made.get_config()["seed"] is None
    assert not np.array_equal(made((3, 3)), made.clone()((3, 3)))


@pytest.mark.parametrize(
    "identifier",
    [
        "glorot_uniform",
        initializers.GlorotUniform,
        {"class_name": "GlorotUniform", "config": {"seed": None}},
    ],
)
def test_get_draws_from_the_given_source(identifier):
    source = SeedSource(7)
    expected = [SeedSource(7).draw()]
    made = initializers.get(identifier, source)
    assert [made.seed] == expected
    assert made.get_config()["seed"] is None
    assert initializers.get(initializers.GlorotUniform(seed=3), source).seed == 3
    assert initializers.get("zeros", source).get_config() == {}
    both_draws = SeedSource(7)
    both_draws.draw()
    assert source.draw() == both_draws.draw(), "only the unseeded initializer may draw"


@pytest.mark.parametrize("name", CLASSES)
def test_config_survives_json_and_reads_keras_s(name):
    ours, theirs = both(name, **({"seed": 11} if name in SEEDED else {}))
    described = json.loads(json.dumps(initializers.serialize(ours)))
    for config in (described, keras.initializers.serialize(theirs)):
        np.testing.assert_array_equal(initializers.get(config)((4, 4)), ours((4, 4)))
    # Keras forgets the gain of an Identity.
    assert ours.get_config() == ({"gain": 1.0} if name == "Identity" else theirs.get_config())


def test_constant_takes_an_array_that_broadcasts():
    row = np.arange(3.0)
    np.testing.assert_array_equal(initializers.Constant(row)((2, 3)), [row, row])
    config = json.loads(json.dumps(initializers.Constant(row).get_config()))
    np.testing.assert_array_equal(initializers.Constant.from_config(config)((3,)), row)
    with pytest.raises(ValueError, match=r"a value that broadcasts .* of shape \(3,\)"):
        initializers.Constant(row)((1,))


def test_array_as_initializer_must_have_the_shape():
    values = np.arange(6.0).reshape(2, 3)
    made = initializers.get(values)((2, 3))
    assert made.dtype == jnp.float32
    np.testing.assert_array_equal(made, values)
    with pytest.raises(ValueError, match=r"an array of the weight's own shape .* \(2, 3\)"):
        initializers.get(values)((3, 2))


def test_get_takes_none_functions_and_subclasses():
    class Halves(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return jnp.full(shape, 0.5, dtype)

    def function(shape, dtype=None):
        return jnp.ones(shape, dtype)

    assert initializers.get(None) is None
    assert initializers.get(function) is function
    assert isinstance(initializers.get(Halves), Halves)
    assert Halves().clone()((1,)) == 0.5


def test_same_key_under_another_generator_setting():
    usual = initializers.RandomNormal(seed=1)((3,))
    with jax.default_prng_impl("rbg"):
        np.testing.assert_array_equal(initializers.RandomNormal(seed=1)((3,)), usual)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: initializers.get("glorot_unifrm"), ValueError, 'Closest: "glorot_uniform"'),
        (lambda: initializers.get(3), TypeError, r"an `Initializer`, an array.* received 3 \(int"),
        (lambda: initializers.get({"config": {}}), TypeError, "received dict with keys"),
        (
            lambda: initializers.GlorotUniform(seed=1.5),
            TypeError,
            r"`GlorotUniform\(seed=...\)`: expected an integer .* received 1.5",
        ),
        (lambda: initializers.RandomNormal(seed=-1), ValueError, "0 to 2.*32 - 1.* received -1"),
        (
            lambda: initializers.Identity()((3,)),
            ValueError,
            "a shape of two dimensions, received 1",
        ),
        (lambda: initializers.VarianceScaling(0.0), ValueError, "expected a positive number"),
        (
            lambda: initializers.VarianceScaling(mode="fan_inn"),
            ValueError,
            'expected "fan_in" or .*\nClosest: "fan_in"',
        ),
        (
            lambda: initializers.VarianceScaling(distribution="unform"),
            ValueError,
            'expected "uniform" or .*\nClosest: "uniform"',
        ),
        (lambda: initializers.Initializer()((3,)), NotImplementedError, "overrides `__call__"),
        (lambda: initializers.serialize(len), TypeError, "expected an `Initializer`"),
    ],
)
def test_messages(make, error, message):
    with pytest.raises(error, match=message):
        make()
