"""datasets.mnist: every source, in its order, and what it says when there is none."""

import gc
import gzip
import hashlib
import http.server
import struct
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from callbax.datasets import mnist
from callbax.datasets._idx import read_idx

SHAPES = {
    "x_train": (60000, 28, 28),
    "y_train": (60000,),
    "x_test": (10000, 28, 28),
    "y_test": (10000,),
}
IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "mnist"


def parts(mark):
    """Four arrays of the right shapes that can be told from those of another mark."""
    return {part: np.full(shape, mark, np.uint8) for part, shape in SHAPES.items()}


def write_npz(file, mark=1, **changed):
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **(parts(mark) | changed))


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, mark=2, *, packed=True, names=tuple(IDX_NAMES)):
    folder.mkdir(parents=True, exist_ok=True)
    for part in names:
        content = idx_bytes(parts(mark)[part])
        if packed:
            folder.joinpath(f"{IDX_NAMES[part]}.gz").write_bytes(gzip.compress(content, 1))
        else:
            folder.joinpath(IDX_NAMES[part]).write_bytes(content)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, an empty Keras home, and a network on which nobody answers."""
    monkeypatch.setenv("CALLBAX_DATA_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(mnist, "_URL", "http://127.0.0.1:9/mnist.npz")
    return tmp_path / "cache"


def mark_of(data):
    """The mark of what was loaded, having checked that all four arrays are whole and carry it."""
    (x_train, y_train), (x_test, y_test) = data
    loaded = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    assert {part: array.shape for part, array in loaded.items()} == SHAPES
    assert {array.dtype for array in loaded.values()} == {np.dtype("uint8")}
    marks = {mark for array in loaded.values() for mark in np.unique(array).tolist()}
    assert len(marks) == 1
    return marks.pop()


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read_packed_and_unpacked(cache, packed):
    write_idx(cache, mark=2, packed=packed)
    assert mark_of(mnist.load_data()) == 2


def test_sources_are_tried_in_their_order(cache, tmp_path):
    write_npz(tmp_path / "keras" / "datasets" / "mnist.npz", mark=3)
    assert mark_of(mnist.load_data()) == 3
    write_idx(cache, mark=2, packed=False)
    assert mark_of(mnist.load_data()) == 2
    write_npz(cache / "mnist.npz", mark=1)
    assert mark_of(mnist.load_data()) == 1


def test_path_is_a_name_in_the_cache_or_absolute(cache, tmp_path):
    write_npz(cache / "mine.npz", mark=4)
    assert mark_of(mnist.load_data("mine.npz")) == 4
    assert mark_of(mnist.load_data(path=str(cache / "mine.npz"))) == 4
    write_npz(tmp_path / "elsewhere.npz", mark=5)
    assert mark_of(mnist.load_data(tmp_path / "elsewhere.npz")) == 5


def test_without_the_variable_the_users_cache_is_used(cache, tmp_path, monkeypatch):
    monkeypatch.delenv("CALLBAX_DATA_DIR")
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "user" / project)
    write_npz(tmp_path / "user" / "callbax" / "mnist.npz", mark=6)
    assert mark_of(mnist.load_data()) == 6


def test_loaded_arrays_may_be_written_to(cache):
    write_idx(cache, packed=False)
    (x_train, _), _ = mnist.load_data()
    x_train[0] = 9
    assert x_train[0, 0, 0] == 9


def test_offline_and_empty_says_which_file_to_put_where(cache):
    with pytest.raises(FileNotFoundError) as caught:
        mnist.load_data()
    message = str(caught.value)
    assert message.startswith("`mnist.load_data('mnist.npz')`: expected ")
    assert f"expected {cache / 'mnist.npz'}, or the four IDX files beside it" in message
    assert "received no such file and, of the four, none of them; the download failed" in message
    assert f"Put {mnist._URL} (sha256 {mnist._SHA256}) there as mnist.npz" in message
    for name in IDX_NAMES.values():
        assert f"{name}.gz" in message
    assert f"into {cache}. $CALLBAX_DATA_DIR names another folder." in message


def test_half_of_the_idx_files_says_which_half_is_missing(cache):
    write_idx(cache, names=("x_test", "y_test"))
    with pytest.raises(FileNotFoundError) as caught:
        mnist.load_data(download=False)
    message = str(caught.value)
    assert "of the four, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz;" in message
    assert f"put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz into {cache}" in message
    assert "download=False" in message


BAD_NPZ = {
    "no archive at all": (lambda file: file.write_bytes(b"nothing of the kind"), "something else"),
    "cut short": (lambda file: file.write_bytes(file.read_bytes()[:1000]), "something else"),
    "a lone array": (lambda file: _save_lone_array(file), "something else"),
    "an array missing": (lambda file: np.savez(file, x_train=np.zeros(1)), "without y_train"),
    "a wrong shape": (
        lambda file: write_npz(file, y_test=np.zeros(7, np.uint8)),
        "y_test: ndarray of shape (7,) and dtype uint8",
    ),
    "a wrong dtype": (
        lambda file: write_npz(file, y_test=np.zeros(10000, np.int64)),
        "y_test: ndarray of shape (10000,) and dtype int64",
    ),
    "pickled objects": (
        lambda file: write_npz(file, y_test=np.array([print] * 3, object)),
        "something else (ValueError: Object arrays cannot be loaded",
    ),
}


def _save_lone_array(file):
    with file.open("wb") as stream:
        np.save(stream, np.zeros(3))


@pytest.mark.parametrize(("spoil", "words"), BAD_NPZ.values(), ids=BAD_NPZ)
def test_a_bad_npz_is_named(cache, spoil, words):
    file = cache / "mnist.npz"
    write_npz(file)
    spoil(file)
    with pytest.raises(
        ValueError, match=r"^`mnist\.load_data\('mnist\.npz'\)`: expected"
    ) as caught:
        mnist.load_data()
    assert "expected an .npz file of uint8 arrays x_train (60000, 28, 28), " in str(caught.value)
    assert str(file) in str(caught.value)
    assert words in str(caught.value)
    assert "Delete that file: the next call downloads it again." in str(caught.value)


LABELS = idx_bytes(np.arange(6, dtype=np.uint8))
BAD_IDX = {
    "empty": (b"", "received nothing and 0 bytes in all"),
    "a wrong magic number": (b"\x00\x00\x0d" + LABELS[3:], "received 00000d01 00000006 and"),
    "another length": (idx_bytes(np.zeros(5, np.uint8)), "received 00000801 00000005 and 13 bytes"),
    "values missing": (LABELS[:-1], "and 13 bytes in all"),
    "values too many": (LABELS + b"\x00", "and 15 bytes in all"),
    "gzip cut short": (gzip.compress(LABELS)[:-9], "received a damaged one"),
    "gzip with a flipped byte": (
        gzip.compress(LABELS)[:-6] + b"\xff" + gzip.compress(LABELS)[-5:],
        "received a damaged one",
    ),
}


@pytest.mark.parametrize(("content", "words"), BAD_IDX.values(), ids=BAD_IDX)
def test_a_bad_idx_file_is_named(tmp_path, content, words):
    file = tmp_path / "labels.gz"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"^`load`: expected ") as caught:
        read_idx(file, (6,), where="load")
    assert str(file) in str(caught.value)
    assert words in str(caught.value)
    assert "Delete it and put a fresh copy in its place." in str(caught.value)


def test_an_idx_file_reads_back_what_was_written(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    file = tmp_path / "images"
    file.write_bytes(idx_bytes(images))
    np.testing.assert_array_equal(read_idx(file, (2, 3, 4), where="load"), images)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not beside this checkout")
def test_the_real_test_half_is_read():
    images = read_idx(REAL / "t10k-images-idx3-ubyte.gz", (10000, 28, 28), where="load")
    labels = read_idx(REAL / "t10k-labels-idx1-ubyte.gz", (10000,), where="load")
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (images.min(), images.max()) == (0, 255)
    # The first image is a 7: ink in its top bar, none below it on the left.
    assert images[0, 7:9, 6:11].min() > 50
    assert images[0, 15:, :8].max() == 0


@pytest.fixture
def server(tmp_path):
    """A web server of this process, serving a folder."""

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


def test_a_download_is_checked_kept_and_not_repeated(cache, server, monkeypatch, capsys):
    folder, address = server
    write_npz(folder / "mnist.npz", mark=7)
    checksum = hashlib.sha256((folder / "mnist.npz").read_bytes()).hexdigest()
    monkeypatch.setattr(mnist, "_URL", f"{address}/mnist.npz")
    monkeypatch.setattr(mnist, "_SHA256", checksum)
    assert mark_of(mnist.load_data("kept.npz")) == 7
    assert "kept.npz" in capsys.readouterr().out  # the progress bar
    (folder / "mnist.npz").unlink()
    assert mark_of(mnist.load_data("kept.npz")) == 7
    assert [file.name for file in cache.iterdir()] == ["kept.npz"]


@pytest.mark.parametrize(
    ("served", "words"),
    [
        (b"not MNIST", "what was downloaded has a wrong checksum"),
        (None, "the download failed (HTTPError)"),
    ],
    ids=["other bytes", "no such page"],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # pooch leaves the answer to gc
def test_a_failed_download_leaves_nothing_behind(cache, server, monkeypatch, served, words):
    folder, address = server
    if served is not None:
        (folder / "mnist.npz").write_bytes(served)
    monkeypatch.setattr(mnist, "_URL", f"{address}/mnist.npz")
    with pytest.raises(FileNotFoundError) as caught:
        mnist.load_data()
    assert words in str(caught.value)
    assert list(cache.iterdir()) == []
    del caught
    gc.collect()


def test_download_false_asks_no_server(cache, monkeypatch):
    monkeypatch.setattr(mnist, "fetch", lambda *args: pytest.fail("it went to the network"))
    with pytest.raises(FileNotFoundError, match="download=False"):
        mnist.load_data(download=False)
