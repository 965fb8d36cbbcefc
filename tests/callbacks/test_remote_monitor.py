import contextlib
import json
import math
import socket
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import keras
import numpy as np
import pytest
from tests.callbacks.fakes import FakeModel, fit

from callbax.callbacks import RemoteMonitor

LOGS = [{"loss": 0.5, "mae": np.float32(0.25)}, {"loss": np.float64(0.125), "n": np.array(3)}]


@pytest.fixture
def server():
    """A server that notes what it is sent; `status` is its answer, `delay` its reluctance."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            own = {"type": self.headers["Content-Type"], "key": self.headers["X-Key"]}
            found.requests.append((self.path, own, body))
            time.sleep(found.delay)
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *args):
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    found.requests, found.status, found.delay = [], 200, 0
    found.url = f"http://127.0.0.1:{found.server_port}"
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"path": "/other", "field": "mine"},
        {"send_as_json": True},
        {"headers": {"X-Key": "k"}},
        {"headers": {"X-Key": "k"}, "send_as_json": True},
    ],
)
def test_sends_what_keras_sends(server, options):
    sent = []
    for monitor_class in (keras.callbacks.RemoteMonitor, RemoteMonitor):
        fit(monitor_class(server.url, **options), FakeModel(), LOGS)
        sent.append(server.requests[:])
        server.requests.clear()
    assert len(sent[1]) == 2
    assert sent[1] == sent[0]


@pytest.mark.parametrize(
    ("value", "form", "as_json"),
    [
        (math.nan, math.nan, None),
        (math.inf, math.inf, None),
        (np.array([1, 2]), [1, 2], [1, 2]),
        (np.array([1.0, math.inf]), [1.0, math.inf], [1.0, None]),
        (object, str(object), str(object)),
        (None, None, None),
    ],
)
def test_sends_any_value(server, value, form, as_json):
    fit(RemoteMonitor(server.url), FakeModel(), [{"loss": value}])
    fit(RemoteMonitor(server.url, send_as_json=True), FakeModel(), [{"loss": value}])
    (_, _, first), (_, _, second) = server.requests
    sent = json.loads(parse_qs(first.decode())["data"][0])
    assert repr(sent) == repr({"epoch": 0, "loss": form})  # NaN is unequal to itself.
    assert json.loads(second) == {"epoch": 0, "loss": as_json}


@pytest.mark.parametrize("trouble", ["unreachable", "refuses", "slow"])
def test_trouble_is_warned_about_once_per_fit_and_training_goes_on(server, trouble):
    server.status = 500 if trouble == "refuses" else 200
    server.delay = 0.2 if trouble == "slow" else 0
    url = "http://127.0.0.1:9" if trouble == "unreachable" else server.url
    monitor = RemoteMonitor(url, timeout=0.05)
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert len(fit(monitor, FakeModel(), LOGS)) == 2
        (warning,) = caught
        assert f"Could not reach RemoteMonitor root server at {url} (" in str(warning.message)


def test_a_server_that_trickles_does_not_hold_the_training():
    """Every byte comes in time, the whole answer never does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        over = threading.Event()

        def trickle():
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not over.wait(0.02):
                    connection.sendall(b"a")

        thread = threading.Thread(target=trickle)
        thread.start()
        monitor = RemoteMonitor(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.2)
        began = time.monotonic()
        with pytest.warns(UserWarning, match=r"Could not reach .*\(TimeoutError\)"):
            fit(monitor, FakeModel(), LOGS * 5)
        assert time.monotonic() - began < 2
        over.set()
        thread.join()
        monitor._sending.join()


def test_without_requests(monkeypatch):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(ImportError, match=r"(?s)`RemoteMonitor`: expected.*pip install requests"):
        RemoteMonitor()
