"""Files that want more than they hold, and files with one bit turned over."""

import json
import resource
import zipfile

import h5py
import ml_dtypes
import numpy as np
import pytest

import callbax
from callbax import layers, saving
from callbax.saving._contents import Contents
from callbax.saving._hdf5 import Hdf5File, to_hdf5
from callbax.saving._safetensors import SafetensorsFile, to_safetensors


def model():
    return callbax.Sequential([layers.Dense(2, input_shape=(3,))])


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.every(5)
@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
@pytest.mark.parametrize("lies", [True, False])
def test_a_member_that_explodes_takes_no_memory(tmp_path, method, name, lies):
    path = tmp_path / "a.keras"
    model().save(path)
    with zipfile.ZipFile(path) as archive:
        members = {each: archive.read(each) for each in archive.namelist() if each != name}
    with zipfile.ZipFile(path, "w", method) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
        with archive.open(name, "w") as stream:
            for _ in range(400):
                stream.write(bytes(2**20))
        if lies:
            archive.getinfo(name).file_size = 1000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(OSError, match=r"`load_\w+\(filepath\)`: expected"):
        saving.load_model(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2**10


def nested(count):
    return "[" * count + "]" * count


def configured(**arguments):
    layer = {"units": 1, **arguments}
    dense = {"module": "keras.layers", "class_name": "Dense", "config": layer}
    config = {"layers": [dense], "build_input_shape": [None, 100]}
    return json.dumps({"module": "keras", "class_name": "Sequential", "config": config})


ARRAY = {"class_name": "__numpy__", "config": {"value": ["a"] * 1000, "dtype": "S1000000"}}
TEXTS = {
    "many dicts": "[" + ",".join(["{}"] * 1_000_000) + "]",
    "many strings": json.dumps([""] * 500_000),
    "deep": nested(100_000),
    "deeper than objects are": nested(500),
    "a layer of gigabytes": configured(units=10**8),
    "a layer beyond any memory": configured(units=10**15),
    "text in place of numbers": configured(kernel_initializer=ARRAY),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_small_file_makes_no_large_model(tmp_path, what):
    path = tmp_path / "a.keras"
    model().save(path)
    weights = zipfile.ZipFile(path).read("model.weights.h5")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", TEXTS[what])
        archive.writestr("model.weights.h5", weights)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises((OSError, ValueError), match=r"`load_model\(filepath\)`: expected"):
        saving.load_model(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2**10


def test_a_large_model_is_loaded(tmp_path):
    """The bound on weights leaves models alone whose layers are made in several steps."""
    inner = callbax.Sequential([layers.Dense(700), layers.Dense(700)])
    whole = callbax.Sequential([layers.Input((5, 700)), inner, layers.LSTM(300)])
    whole.save(tmp_path / "a.keras")
    loaded = saving.load_model(tmp_path / "a.keras")
    for one, other in zip(whole.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_array_that_was_never_written_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", shape=(10**12,), dtype="f4")
    with path.open("rb") as file, pytest.raises(ValueError, match="grows from 0 to"):
        Hdf5File(file).read(["a"])


FORMATS = {"hdf5": (to_hdf5, Hdf5File), "safetensors": (to_safetensors, SafetensorsFile)}


@pytest.mark.parametrize("form", FORMATS)
def test_one_bit_anywhere_is_found_or_harmless(tmp_path, form):
    write, open_file = FORMATS[form]
    arrays = {
        "layers/a/vars/0": np.arange(6, dtype="float32").reshape(2, 3),
        "layers/a/vars/1": np.array([3, 5, 7], "int32"),
        "layers/b/vars/0": np.array([0.5, 2.0], ml_dtypes.bfloat16),
    }
    data, path = write(Contents(arrays)), tmp_path / "a"
    rng, found, harmless = np.random.default_rng(0), 0, 0
    for position in rng.permutation(len(data))[:3000]:
        broken = bytearray(data)
        broken[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(broken)
        try:
            with path.open("rb") as file:
                read = open_file(file).read(arrays)
        except Exception:
            found += 1
            continue
        harmless += 1
        for key, array in arrays.items():
            assert (read[key].dtype, read[key].shape) == (array.dtype, array.shape)
            assert read[key].tobytes() == array.tobytes()
    assert found > 100


DTYPES = [
    "bool", "uint8", "int64", "float16", "float64", "complex64", "complex128",
    "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e5m2fnuz", "int4", "uint4",
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_written_is_read_back(tmp_path, dtype):
    chosen = np.dtype(getattr(ml_dtypes, dtype, dtype))
    for array in (np.array([[0, 1, 1]]).astype(chosen), np.zeros((0, 2), chosen)):
        for form, (write, open_file) in FORMATS.items():
            try:
                data = write(Contents({"a": array}))
            except ValueError:
                assert form == "safetensors"
                continue
            (tmp_path / "a").write_bytes(data)
            with (tmp_path / "a").open("rb") as file:
                read = open_file(file).read(["a"])["a"]
            assert (read.dtype, read.shape, read.tobytes()) == (
                array.dtype,
                array.shape,
                array.tobytes(),
            )


@pytest.mark.parametrize("values", [["a"], [b"a"], [None]])
def test_what_is_no_number_is_not_written(values):
    for write, _ in FORMATS.values():
        with pytest.raises(ValueError, match=r"save_weights\(array \"a\"\)`: expected"):
            write(Contents({"a": np.array(values)}))
