"""The data sets of Keras: small files of the right form, read by callbax and by Keras."""

import gzip
import hashlib
import http.server
import inspect
import io
import json
import pickle
import struct
import tarfile
import threading
from functools import partial

import keras
import numpy as np
import pytest

from callbax import datasets
from callbax.datasets import _files

RNG = np.random.default_rng(0)
NAMES = [name for name in datasets.__all__ if name not in ("digits", "mnist")]
FASHION = {
    "train-images-idx3": (60000, 28, 28),
    "train-labels-idx1": (60000,),
    "t10k-images-idx3": (10000, 28, 28),
    "t10k-labels-idx1": (10000,),
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, an empty folder of Keras, and no network."""
    monkeypatch.setenv("CALLBAX_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(_files, "fetch", offline)
    (tmp_path / "cache").mkdir()
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    return tmp_path / "cache"


def offline(*args):
    raise ConnectionError("no network")


def keras_reads(monkeypatch, name, file):
    """Lets Keras's own loader read a file, whatever its checksum."""
    module = inspect.getmodule(getattr(keras.datasets, name).load_data)
    monkeypatch.setattr(module, "get_file", lambda *args, **kwargs: str(file))
    return getattr(keras.datasets, name)


def same(ours, theirs):
    for part, other in zip(sum(ours, ()), sum(theirs, ()), strict=True):
        assert part.dtype == other.dtype
        assert part.shape == other.shape
        np.testing.assert_array_equal(part, other)


def texts(count):
    """Lists of word numbers, of which small ones are frequent."""
    made = np.empty(count, object)
    for i in range(count):
        made[i] = (RNG.pareto(1, RNG.integers(1, 30)) * 5 + 1).astype(int).clip(1, 500).tolist()
    return made


def write(name, folder):
    """Writes a small file of the form of a data set, and returns it."""
    file = folder / f"{name}.npz"
    if name == "imdb":
        halves = {"x_train": texts(60), "y_train": RNG.integers(0, 2, 60)}
        np.savez(file, **halves, x_test=texts(40), y_test=RNG.integers(0, 2, 40))
    elif name == "reuters":
        np.savez(file, x=texts(90), y=RNG.integers(0, 46, 90))
    else:
        columns = 13 if name == "boston_housing" else 8
        rows = 57 if name == "boston_housing" else 700
        dtype = "float64" if name == "boston_housing" else "float32"
        x = RNG.normal(size=(rows, columns)).astype(dtype)
        np.savez(file, x=x, y=RNG.normal(size=rows).astype(dtype))
    return file


TEXTS = [
    {},
    {"num_words": 40},
    {"num_words": 40, "skip_top": 5, "oov_char": None},
    {"maxlen": 12},
    {"seed": 7, "start_char": None},
    {"start_char": None, "index_from": 0},
    {"oov_char": 9, "index_from": 4, "num_words": 100},
]
CASES = [
    *((name, options) for name in ("imdb", "reuters") for options in TEXTS),
    *(("reuters", {"test_split": share}) for share in (0.0, 0.5, 1.0)),
    *(("boston_housing", {"test_split": s, "seed": 3}) for s in (0.0, 0.2, 0.37)),
    *(("california_housing", {"version": v, "seed": 5}) for v in ("large", "small")),
    ("california_housing", {"test_split": 0.1}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_it_reads_what_keras_reads(cache, monkeypatch, name, options):
    theirs = keras_reads(monkeypatch, name, write(name, cache)).load_data(**options)
    same(getattr(datasets, name).load_data(**options, download=False), theirs)


@pytest.mark.parametrize("name", NAMES)
def test_the_arguments_are_keras_s(name):
    def listed(module):
        found = inspect.signature(module.load_data).parameters.values()
        return [(p.name, p.default) for p in found if p.kind is p.POSITIONAL_OR_KEYWORD]

    assert listed(getattr(datasets, name)) == listed(getattr(keras.datasets, name))


def batch(count, keys):
    images = RNG.integers(0, 256, (count, 1), dtype=np.uint8) + np.arange(3072, dtype=np.uint8)
    labels = {key: RNG.integers(0, 10, count).tolist() for key in keys}
    return {b"data": images, b"filenames": [b"a.png"] * count, **labels}


def write_tar(file, members):
    with tarfile.open(file, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            packed = pickle.dumps(content, protocol=4)
            entry = tarfile.TarInfo(name)
            entry.size = len(packed)
            archive.addfile(entry, io.BytesIO(packed))


def cifar10_members(count):
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    return {f"cifar-10-batches-py/{name}": batch(count, [b"labels"]) for name in names}


def cifar100_members():
    keys = [b"fine_labels", b"coarse_labels"]
    return {f"cifar-100-python/{half}": batch(n, keys) for half, n in (("train", 50), ("test", 9))}


def unpacked(file, folder):
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    return folder


def test_cifar10(cache, monkeypatch, tmp_path):
    file = cache / "cifar-10-python.tar.gz"
    write_tar(file, cifar10_members(10000))  # Keras takes no other number
    ours = datasets.cifar10.load_data(download=False)
    theirs = keras_reads(monkeypatch, "cifar10", unpacked(file, tmp_path / "out")).load_data()
    same(ours, theirs)


@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100(cache, monkeypatch, tmp_path, mode):
    file = cache / "cifar-100-python.tar.gz"
    write_tar(file, cifar100_members())
    ours = datasets.cifar100.load_data(mode, download=False)
    theirs = keras_reads(monkeypatch, "cifar100", unpacked(file, tmp_path / "out")).load_data(mode)
    same(ours, theirs)


def write_fashion(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, shape in FASHION.items():
        content = np.resize(RNG.integers(0, 256, 997, dtype=np.uint8), shape)
        header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
        packed = gzip.compress(header + content.tobytes(), 1)
        folder.joinpath(f"{name}-ubyte.gz").write_bytes(packed)


def test_fashion_mnist(cache, monkeypatch, tmp_path):
    folder = tmp_path / "keras" / "datasets" / "fashion-mnist"
    write_fashion(folder)

    def found(name, **options):
        return str(folder / name)

    monkeypatch.setattr(keras.src.datasets.fashion_mnist, "get_file", found)
    same(datasets.fashion_mnist.load_data(download=False), keras.datasets.fashion_mnist.load_data())


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_indexes(cache, name):
    content = json.dumps({"the": 1, "of": 2})
    (cache / f"{name}_word_index.json").write_text(content)
    assert getattr(datasets, name).get_word_index(download=False) == {"the": 1, "of": 2}
    assert datasets.reuters.get_label_names() == keras.datasets.reuters.get_label_names()


KERAS_NAMES = {
    "imdb": "imdb.npz",
    "boston_housing": "boston_housing.npz",
    "cifar10": "cifar-10-batches-py-target_archive",
    "cifar100": "cifar-100-python-target_archive",
}


@pytest.mark.parametrize("name", KERAS_NAMES)
def test_keras_s_cache_is_looked_at(cache, tmp_path, name):
    folder = tmp_path / "keras" / "datasets"
    if "cifar" in name:
        members = cifar10_members(3) if name == "cifar10" else cifar100_members()
        write_tar(folder / KERAS_NAMES[name], members)
    else:
        write(name, folder)
    (x_train, y_train), _ = getattr(datasets, name).load_data(download=False)
    assert len(x_train) == len(y_train) > 0


def test_path_is_a_name_in_the_cache_or_absolute(cache, tmp_path):
    file = write("boston_housing", tmp_path)
    whole = datasets.boston_housing.load_data(file)
    file.rename(cache / "mine.npz")
    same(datasets.boston_housing.load_data("mine.npz"), whole)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("download", [True, False])
def test_without_its_file_it_says_what_to_put_where(cache, name, download):
    with pytest.raises(FileNotFoundError) as caught:
        getattr(datasets, name).load_data(download=download)
    message = str(caught.value)
    assert message.startswith(f"`{name}.load_data(")
    assert "expected the file " in message
    assert ("the download failed (ConnectionError)" in message) == download
    assert "Put https://" in message
    assert str(cache) in message


@pytest.fixture
def server(tmp_path):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_download_is_checked_and_kept(cache, server, monkeypatch, algorithm):
    monkeypatch.undo()
    monkeypatch.setenv("CALLBAX_DATA_DIR", str(cache))
    monkeypatch.setenv("KERAS_HOME", str(cache))
    folder, address = server
    content = write("reuters", folder).read_bytes()
    for checksum in ("0" * (32 if algorithm == "md5" else 64), None):
        checksum = checksum or hashlib.new(algorithm, content).hexdigest()
        published = _files.DataFile(
            "reuters.npz", f"{address}/reuters.npz", f"{algorithm}:{checksum}"
        )
        monkeypatch.setitem(_files.FILES, "reuters.npz", published)
        if checksum[0] == checksum[1] == "0":
            with pytest.raises(FileNotFoundError, match="wrong checksum"):
                datasets.reuters.load_data()
            assert not (cache / "reuters.npz").exists()
    (x_train, _), _ = datasets.reuters.load_data()
    assert len(x_train) == 72
    (folder / "reuters.npz").unlink()
    same(datasets.reuters.load_data(), datasets.reuters.load_data(download=False))


class Gadget:
    def __reduce__(self):
        return print, ("it ran",)


def spoil_npz(folder):
    made = np.empty(2, object)
    made[:] = [[1], Gadget()]
    np.savez(folder / "imdb.npz", **dict.fromkeys(("x_train", "x_test"), made), y_train=1, y_test=1)


BAD = {
    "pickled code": (spoil_npz, "imdb", r"asks for builtins\.print"),
    "bytes": (lambda f: (f / "imdb.npz").write_bytes(b"nothing"), "imdb", "something else"),
    "another file": (lambda f: np.savez(f / "reuters.npz", x=[1]), "reuters", "without it"),
    "other lengths": (
        lambda f: np.savez(f / "boston_housing.npz", x=np.ones((3, 13)), y=np.ones(2)),
        "boston_housing",
        "as many inputs as labels",
    ),
    "pickled code in an archive": (
        lambda f: write_tar(f / "cifar-100-python.tar.gz", {"cifar-100-python/train": Gadget()}),
        "cifar100",
        r"asks for builtins\.print",
    ),
    "an empty archive": (
        lambda f: write_tar(f / "cifar-10-python.tar.gz", {}),
        "cifar10",
        "data_batch_1",
    ),
    "images of another size": (
        lambda f: write_tar(
            f / "cifar-100-python.tar.gz",
            {"cifar-100-python/train": {b"data": np.ones((2, 5), "uint8"), b"fine_labels": [1]}},
        ),
        "cifar100",
        r"ndarray of shape \(2, 5\)",
    ),
}


@pytest.mark.parametrize(("spoil", "name", "words"), BAD.values(), ids=BAD)
def test_a_bad_file_is_named_and_runs_nothing(cache, capsys, spoil, name, words):
    spoil(cache)
    with pytest.raises(ValueError, match=rf"(?s)`{name}\.load_data\(.*{words}") as caught:
        getattr(datasets, name).load_data(download=False)
    assert str(cache) in str(caught.value)
    assert "Delete that file" in str(caught.value)
    assert "it ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: datasets.cifar100.load_data("rough"), r"load_data\(label_mode='rough'\)"),
        (lambda: datasets.boston_housing.load_data(test_split=1), r"load_data\(test_split=1\)"),
        (lambda: datasets.california_housing.load_data("huge"), r"load_data\(version='huge'\)"),
        (lambda: datasets.imdb.load_data(num_words="a"), r"imdb\.load_data\(num_words='a'\)"),
        (lambda: datasets.reuters.load_data(maxlen=-1), r"reuters\.load_data\(maxlen=-1\)"),
        (lambda: datasets.reuters.load_data(test_split=2), r"reuters\.load_data\(test_split=2\)"),
    ],
)
def test_wrong_arguments(cache, call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_texts_that_are_all_too_long_are_refused(cache):
    write("imdb", cache)
    with pytest.raises(ValueError, match=r"imdb\.load_data\(maxlen=1\)`: expected a length"):
        datasets.imdb.load_data(maxlen=1)
