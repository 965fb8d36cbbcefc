"""What goes wrong with files, in words; and that the model is then as it was."""

import io
import json
import re
import zipfile

import h5py
import keras
import numpy as np
import pytest
from flax import nnx

import callbax
from callbax import layers, saving

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = X[:, :3]


def make(units=3, optimizer="adam"):
    model = callbax.Sequential([layers.Dense(5), layers.Dense(units)])
    model.build((None, 4))
    model.compile(optimizer, "mse")
    return model


def trained(**kwargs):
    model = make(**kwargs)
    model.fit(X, Y[:, : model.layers[-1].units], verbose=0)
    return model


def everything(model):
    """All that a file could change."""
    return {key: array.copy() for key, array in model.file_contents().arrays().items()}


def assert_unchanged(model, before):
    after = everything(model)
    assert after.keys() == before.keys()
    for key, array in before.items():
        np.testing.assert_array_equal(after[key], array, err_msg=key)


NAMES = ["a.weights.h5", "a.safetensors", "a.keras"]


@pytest.fixture(params=NAMES)
def saved(request, tmp_path):
    path = tmp_path / request.param
    model = trained()
    model.save(path) if path.suffix == ".keras" else model.save_weights(path)
    return path


def load(model, path):
    model.load_weights(path)


DAMAGES = {
    "empty": lambda data: b"",
    "cut to a tenth": lambda data: data[: len(data) // 10],
    "cut in half": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "a letter": lambda data: b"Dear model,\n" * 100,
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_changes_nothing(saved, damage):
    saved.write_bytes(DAMAGES[damage](saved.read_bytes()))
    model = trained()
    before = everything(model)
    with pytest.raises(OSError, match="which cannot be read as one") as error:
        model.load_weights(saved)
    assert_unchanged(model, before)
    assert str(error.value).startswith('`load_weights(filepath)`: expected a weights file at "')
    assert str(saved) in str(error.value)
    assert "damaged, cut short or of another kind" in str(error.value)


def test_changed_bytes_are_found_or_harmless(saved):
    data, model = saved.read_bytes(), trained()
    start = model.file_contents()
    weights = {key: np.array(array) for key, array in start.weights.items()}
    variables = [np.array(variable) for variable in start.optimizer]
    before = everything(model)
    model.load_weights(saved)
    loaded = everything(model)
    found = 0
    for position in np.random.default_rng(1).integers(0, len(data), 100):
        model.take_file_contents(weights, variables)
        broken = bytearray(data)
        broken[position] ^= 0x5A
        saved.write_bytes(broken)
        try:
            model.load_weights(saved)
        except (OSError, ValueError):
            found += 1
            assert_unchanged(model, before)
        else:
            assert_unchanged(model, loaded)
    assert found > 10


def test_a_safetensors_file_leaves_the_optimizer_alone(tmp_path):
    first, second = trained(), trained()
    first.save_weights(tmp_path / "a.safetensors")
    before = everything(second)
    second.load_weights(tmp_path / "a.safetensors")
    after = everything(second)
    for key, array in everything(first).items():
        expected = before[key] if key.startswith("optimizer") else array
        np.testing.assert_array_equal(after[key], expected)


def wrong_shape(path):
    trained(units=2).save_weights(path)


def more_layers(path):
    bigger = callbax.Sequential([layers.Dense(5), layers.Dense(3), layers.Dense(3)])
    bigger.build((None, 4))
    bigger.save_weights(path)


def fewer_layers(path):
    smaller = callbax.Sequential([layers.Dense(5)])
    smaller.build((None, 4))
    smaller.save_weights(path)


def plain_module(path):
    callbax.Model(nnx.Linear(4, 3, rngs=nnx.Rngs(0))).save_weights(path)


FOREIGN = {
    wrong_shape: '"layers/dense_1/vars/0" of shape (5, 3), not (5, 2)',
    more_layers: '"layers/dense_2/vars/0", which the model lacks',
    fewer_layers: '"layers/dense_1/vars/0" of shape (5, 3), not there',
    plain_module: '"layers/dense/vars/0" of shape (4, 5), not there',
}


@pytest.mark.parametrize("name", NAMES[:2])
@pytest.mark.parametrize("write", FOREIGN)
def test_the_file_of_another_model_changes_nothing(write, name, tmp_path):
    write(tmp_path / name)
    model = trained()
    before = everything(model)
    with pytest.raises(ValueError, match="Nothing was changed") as error:
        model.load_weights(tmp_path / name)
    assert_unchanged(model, before)
    assert FOREIGN[write] in str(error.value)
    assert f'4 arrays that fit the model at "{tmp_path / name}"' in str(error.value)


def test_skip_mismatch_loads_what_fits(tmp_path):
    source, model = trained(units=2), trained()
    source.save_weights(tmp_path / "a.weights.h5")
    before = model.get_weights()
    with pytest.warns(UserWarning, match="load_weights") as caught:
        model.load_weights(tmp_path / "a.weights.h5", skip_mismatch=True)
    assert [str(w.message).split(",")[0] for w in caught] == [
        "`load_weights(filepath)`: 2 arrays keep their values",
        "`load_weights(filepath)`: skipping variable loading for the optimizer",
    ]
    after = model.get_weights()
    for got, expected in zip(after, source.get_weights()[:2] + before[2:], strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("optimizer", "count"), [("sgd", 2), ("rmsprop", 6), (None, 0)], ids=["sgd", "rmsprop", "none"]
)
def test_the_variables_of_another_optimizer_are_passed_over(optimizer, count, tmp_path):
    if optimizer is None:
        source = callbax.Sequential([layers.Dense(5), layers.Dense(3)])
        source.build((None, 4))
    else:
        source = trained(optimizer=optimizer)
    source.save_weights(tmp_path / "a.weights.h5")
    model = trained()
    before = everything(model)
    with pytest.warns(UserWarning, match=f"its 10 variables are not like the {count} saved in"):
        model.load_weights(tmp_path / "a.weights.h5")
    after = everything(model)
    for key in before:
        expected = before if key.startswith("optimizer") else everything(source)
        np.testing.assert_array_equal(after[key], expected[key])


def test_files_that_point_out_of_themselves_are_refused(tmp_path):
    trained().save_weights(tmp_path / "a.weights.h5")
    (tmp_path / "secret.h5").write_bytes((tmp_path / "a.weights.h5").read_bytes())
    with h5py.File(tmp_path / "a.weights.h5", "a") as file:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("secret.h5", "layers/dense/vars/0")
    with pytest.raises(OSError, match='"layers/dense/vars/0" is a link'):
        trained().load_weights(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        group = file.create_group("layers")
        group["again"] = group
    with pytest.raises(OSError, match='"layers/again/" is a second name of another group'):
        trained().load_weights(tmp_path / "a.weights.h5")


BAD_NAMES = {
    "save_weights": ("weights.h5", "a file name that ends in .weights.h5 or .safetensors"),
    "load_weights": ("old.h5", "a file name that ends in .weights.h5 or .safetensors or .keras"),
    "save": ("model.h5", "a file name that ends in .keras"),
}


@pytest.mark.parametrize("method", BAD_NAMES)
def test_names_of_files_have_known_ends(method, tmp_path):
    name, words = BAD_NAMES[method]
    with pytest.raises(ValueError, match=re.escape(f'{words}, received "{tmp_path / name}"')):
        getattr(make(), method)(tmp_path / name)


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_missing_file_is_named(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file or directory") as error:
        make().load_weights(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    with pytest.raises(FileNotFoundError, match="expected a model archive at"):
        saving.load_model(tmp_path / "none.keras")
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        make().load_weights(tmp_path / name)


@pytest.mark.parametrize("method", ["save_weights", "load_weights"])
def test_a_model_without_weights_is_told_so(method, tmp_path):
    model = callbax.Sequential([layers.Dense(3)])
    with pytest.raises(ValueError, match="expected a model whose weights exist, received one that"):
        getattr(model, method)(tmp_path / "a.weights.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_weights_is_saved_with_a_warning(tmp_path):
    model = callbax.Sequential([layers.Dense(3)])
    with pytest.warns(UserWarning, match="saving a model that has not been built yet"):
        model.save(tmp_path / "a.keras")
    for room in (callbax, keras):
        loaded = room.saving.load_model(tmp_path / "a.keras")
        assert not loaded.built
        assert loaded.predict(X, verbose=0).shape == (8, 3)


def test_a_plain_module_is_saved_by_its_weights_only(tmp_path):
    class Net(nnx.Module):
        def __init__(self, seed):
            self.layers = nnx.List([nnx.Linear(4, 5, rngs=nnx.Rngs(seed))])
            self.norm = nnx.BatchNorm(5, rngs=nnx.Rngs(seed))

        def __call__(self, x):
            return self.norm(self.layers[0](x))

    model = callbax.Model(Net(0))
    model.compile("adam", "mse")
    model.fit(X, np.zeros((8, 5)), verbose=0)
    with pytest.raises(TypeError, match="a `Model` of the module Net") as error:
        model.save(tmp_path / "a.keras")
    assert "Use `save_weights`" in str(error.value)
    assert list(tmp_path.iterdir()) == []
    for name in NAMES[:2]:
        model.save_weights(tmp_path / name)
        other = callbax.Model(Net(1))
        other.compile("adam", "mse")
        other.load_weights(tmp_path / name)
        for key, array in everything(model).items():
            if name == NAMES[0] or not key.startswith("optimizer"):
                np.testing.assert_array_equal(everything(other)[key], array, err_msg=key)
    assert "module/layers/0/kernel" in everything(model)


def rewritten(path, edit):
    """Changes the configuration in an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    members["config.json"] = json.dumps(edit(config) or config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def unknown_class(config):
    config["config"]["layers"][1]["class_name"] = "Dens"


def a_lambda(config):
    config["config"]["layers"][1]["config"]["activation"] = {
        "class_name": "__lambda__",
        "config": {"value": "AAAA"},
    }


def regularizer(config):
    config["config"]["layers"][1]["config"]["kernel_regularizer"] = {"l2": 0.1}


def nonsense(config):
    config["config"]["layers"][1]["config"]["units"] = -1


def code(config):
    config["config"]["layers"][1].update(module="os", class_name="system", config={})


def no_model(config):
    return config["config"]["layers"][1]


CONFIGS = {
    unknown_class: ('"Dens" of module "keras.layers"', 'Closest: "dense"'),
    a_lambda: ("expected no code in the file, received a lambda", "named function"),
    regularizer: ("expected arguments that Dense takes", "kernel_regularizer=dict"),
    nonsense: ("a config of which Dense can be made", "Dense(units=-1)"),
    code: ('"system" of module "os"', "custom_objects"),
    no_model: ("expected a model in", "Only files written by `model.save`"),
}


@pytest.mark.parametrize("edit", CONFIGS)
def test_a_configuration_that_cannot_be_is_told_so(edit, tmp_path):
    make().save(tmp_path / "a.keras")
    rewritten(tmp_path / "a.keras", edit)
    with pytest.raises(ValueError, match=r"^`load_model\(filepath\)`: expected ") as error:
        saving.load_model(tmp_path / "a.keras")
    for words in CONFIGS[edit]:
        assert words in str(error.value)


def test_an_archive_without_a_configuration_is_told_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(OSError, match=r"There is no item named 'config\.json' in the archive"):
        saving.load_model(tmp_path / "a.keras")


def test_a_member_that_explodes_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        with archive.open("model.weights.h5", "w") as member:
            for _ in range(300):
                member.write(bytes(2**20))
    with pytest.raises(
        OSError, match=r'"model\.weights\.h5" says that it grows from \d+ to 314572800 bytes'
    ):
        make().load_weights(tmp_path / "a.keras")


UNTELLABLE = {
    "lambda loss": (lambda: make_compiled(lambda a, b: (a - b) ** 2), "a lambda"),
    "lambda activation": (
        lambda: callbax.Sequential([layers.Dense(3, lambda x: x, input_shape=(4,))]),
        "a lambda",
    ),
    "plain module": (
        lambda: callbax.Sequential([layers.Input((4,)), nnx.Linear(4, 3, rngs=nnx.Rngs(0))]),
        "an object of type Linear",
    ),
    "silent layer": (
        lambda: callbax.Sequential([layers.Input((4,)), Silent(3)]),
        "Silent, whose arguments ['size'] are unknown",
    ),
}


def make_compiled(loss):
    model = make()
    model.compile("sgd", loss)
    return model


class Silent(layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("name", UNTELLABLE)
def test_what_plain_values_cannot_tell_is_not_saved(name, tmp_path):
    build, words = UNTELLABLE[name]
    with pytest.raises(TypeError, match=re.escape(words)):
        build().save(tmp_path / "a.keras")
    assert list(tmp_path.iterdir()) == []


def test_an_optax_transformation_is_not_saved_but_its_state_is(tmp_path):
    optax = pytest.importorskip("optax")
    model = make(optimizer=optax.adam(0.1))
    model.fit(X, Y, verbose=0)
    with pytest.raises(TypeError, match="an optax transformation, which is made of functions"):
        model.save(tmp_path / "a.keras")
    model.save_weights(tmp_path / "a.weights.h5")
    other = make(optimizer=optax.adam(0.1))
    other.load_weights(tmp_path / "a.weights.h5")
    assert_unchanged(other, everything(model))
    for each in (model, other):
        each.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    assert_unchanged(other, everything(model))


def test_weights_of_keras_have_no_checksums_and_are_read_all_the_same(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5), keras.layers.Dense(3)])
    model.save_weights(tmp_path / "a.weights.h5")
    image = io.BytesIO((tmp_path / "a.weights.h5").read_bytes())
    with h5py.File(image) as file:
        assert "crc32" not in file["layers/dense/vars/0"].attrs
    ours = callbax.Sequential([layers.Dense(5), layers.Dense(3)])
    ours.build((None, 4))
    ours.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(ours.get_weights()[0], model.get_weights()[0])
