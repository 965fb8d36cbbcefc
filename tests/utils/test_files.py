"""utils.get_file: places, checksums and archives, beside Keras's."""

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from functools import partial
from pathlib import Path

import keras
import pytest

from callbax import utils
from callbax._core._download import fetch

CONTENT = b"some notes"


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A web server of this process, and empty folders for both libraries."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    asked = []
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "notes.txt").write_bytes(CONTENT)
    with tarfile.open(folder / "notes.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("inside/notes.txt")
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
    with zipfile.ZipFile(folder / "notes.zip", "w") as archive:
        archive.writestr("inside/notes.txt", CONTENT)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "ours"))
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


PLACES = [
    {"fname": "mine.txt", "of": "notes.txt"},
    {"of": "notes.txt"},
    {"of": "notes.txt", "cache_subdir": "other"},
    {"fname": "mine.tar.gz", "of": "notes.tar.gz", "extract": True},
    {"fname": "mine", "of": "notes.tar.gz", "extract": True},
    {"fname": "mine", "of": "notes.tar.gz", "untar": True},
    {"of": "notes.zip", "extract": True},
    {"fname": "mine.zip", "of": "notes.zip", "extract": True, "archive_format": "zip"},
    {"fname": "m.zip", "of": "notes.zip", "extract": True, "archive_format": ["tar", "zip"]},
]


@pytest.mark.parametrize("options", PLACES, ids=str)
def test_it_is_where_keras_would_have_it(web, tmp_path, options):
    address, _ = web
    given = {**options, "origin": f"{address}/{options['of']}"}
    del given["of"]
    places = []
    for lib, folder in ((utils, tmp_path / "ours"), (keras.utils, tmp_path / "theirs")):
        folder.mkdir()
        place = Path(lib.get_file(**given, cache_dir=folder))
        file = place / "inside" / "notes.txt" if place.is_dir() else place
        assert file.read_bytes() == CONTENT
        places.append(place.relative_to(folder))
    assert places[0] == places[1]


def test_what_is_there_is_not_fetched_again(web):
    address, asked = web
    for _ in range(2):
        utils.get_file("notes.txt", f"{address}/notes.txt")
    assert len(asked) == 1
    utils.get_file("notes.txt", f"{address}/notes.txt", force_download=True)
    assert len(asked) == 2


@pytest.mark.parametrize(
    "given",
    [
        {"md5_hash": hashlib.md5(CONTENT).hexdigest()},
        {"file_hash": hashlib.sha256(CONTENT).hexdigest()},
        {"file_hash": hashlib.md5(CONTENT).hexdigest(), "hash_algorithm": "md5"},
    ],
)
def test_a_file_of_another_checksum_is_fetched_again(web, tmp_path, given):
    address, asked = web
    old = tmp_path / "ours" / "datasets" / "notes.txt"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    file = utils.get_file("notes.txt", f"{address}/notes.txt", **given)
    assert (Path(file), Path(file).read_bytes()) == (old, CONTENT)
    utils.get_file("notes.txt", f"{address}/notes.txt", **given)
    assert len(asked) == 1


def test_what_arrives_with_another_checksum_is_not_kept(web, tmp_path):
    address, _ = web
    with pytest.raises(ValueError, match="hash"):
        utils.get_file("notes.txt", f"{address}/notes.txt", file_hash="0" * 64)
    assert not (tmp_path / "ours" / "datasets" / "notes.txt").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"fname": "a.txt"}, r"get_file\(origin=\.\.\.\)`: expected the address"),
        ({"fname": "a/b.txt", "origin": "http://x/y"}, r"a name without folders"),
        ({"origin": "http://x/"}, r"a name without folders"),
        ({"origin": "http://x/y", "file_hash": "123"}, r"a hash of md5 or sha256"),
        ({"origin": "http://x/y", "hash_algorithm": "crc"}, r"hash_algorithm='crc'"),
    ],
)
def test_wrong_arguments(given, words):
    with pytest.raises(ValueError, match=words):
        utils.get_file(**given)


def test_what_is_not_an_archive_is_refused(web):
    address, _ = web
    with pytest.raises(ValueError, match=r"expected an archive \(tar or zip\)"):
        utils.get_file("a", f"{address}/notes.txt", extract=True)


@pytest.mark.parametrize("declares", [True, False])
def test_a_server_that_sends_without_end_is_cut_off(declares, tmp_path):
    class Endless(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if declares:
                self.send_header("Content-Length", str(10**15))
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"0" * 65536)
            except OSError:
                self.close_connection = True

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/all"
        with pytest.raises(OSError, match="a file of at most 1000000 bytes"):
            fetch(url, None, tmp_path / "all", limit=10**6)
        server.shutdown()
        thread.join()
    assert list(tmp_path.iterdir()) == []
