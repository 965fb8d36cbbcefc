"""Sending every epoch's logs to a server."""

import importlib
import json
import math
from collections.abc import Mapping
from threading import Thread
from typing import Any

import numpy as np

from callbax._core._hooks import Logs
from callbax._core._warnings import warn
from callbax.callbacks._callback import Callback, Execution, Processes
from callbax.callbacks._failures import OnFailure


class RemoteMonitor(Callback):
    """Sends the epoch and its logs to a server, by HTTP POST; needs the `requests` library.

    A server that cannot be reached, or refuses, is warned about once per fit; training continues
    and the next epoch is sent again.

    Args:
        root: URL of the server.
        path: Path at the server.
        field: Name of the form's field that holds the JSON text.
        headers: HTTP headers to add.
        send_as_json: Whether to send JSON rather than a form. JSON knows no NaN and no infinity:
            they are sent as ``null``.
        timeout: Seconds that sending an epoch may take in all. A server that is slower is left to
            a thread of its own; until that one ends, further epochs are not sent.

    Raises:
        ImportError: `requests` is not installed.

    Differs from Keras: `timeout` is new, Keras waits for ever; an answer that says the request
    failed is warned about too; arrays are sent as lists.

    Example:
        >>> monitor = RemoteMonitor("http://monitor.example", timeout=2.0)
        >>> monitor.root + monitor.path
        'http://monitor.example/publish/epoch/end/'
    """

    execution: Execution = "fused"
    processes: Processes = "first"
    adds_logs: tuple[str, ...] | None = ()
    on_failure: OnFailure = "warn"

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
        *,
        timeout: float = 10.0,
    ) -> None:
        super().__init__()
        _requests()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json
        self.timeout = timeout
        self._warned = False
        self._sending: Thread | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy gets: a thread stays with the one that started it."""
        return {**super().__getstate__(), "_sending": None}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Lets an unreachable server be warned about again."""
        self._warned = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Sends the epoch."""
        values = {key: _plain(value) for key, value in (logs or {}).items()}
        event: dict[str, Any] = {"epoch": epoch, **values}
        if self.send_as_json:
            event = {key: _finite(value) for key, value in event.items()}
            body: dict[str, Any] = {"json": event}
        else:
            body = {"data": {self.field: json.dumps(event, default=str)}}
        error = self._send(body)
        if error is not None and not self._warned:
            self._warned = True
            warn(
                f"Could not reach RemoteMonitor root server at {self.root} "
                f"({type(error).__name__}). Training continues; later failures of this fit are "
                "not reported."
            )

    def _send(self, body: Mapping[str, Any]) -> Exception | None:
        """Sends one request, for `timeout` seconds at most; returns why that failed."""
        if self._sending is not None and self._sending.is_alive():
            return TimeoutError("the request before is still under way")
        errors: list[Exception] = []
        # `requests` bounds every read only: a server that sends a byte now and then holds it.
        self._sending = Thread(target=self._post, args=(body, errors), daemon=True)
        self._sending.start()
        self._sending.join(self.timeout)
        if self._sending.is_alive():
            return TimeoutError(f"no answer within {self.timeout} seconds")
        return errors[0] if errors else None

    def _post(self, body: Mapping[str, Any], errors: list[Exception]) -> None:
        requests = _requests()
        try:
            # Of the answer only its status is read, however long it is.
            with requests.post(
                self.root + self.path,
                headers=self.headers,
                timeout=self.timeout,
                stream=True,
                **body,
            ) as answer:
                answer.raise_for_status()
        except Exception as error:  # it would only be printed by the thread
            errors.append(error)


def _requests() -> Any:
    try:
        return importlib.import_module("requests")
    except ImportError as error:
        raise ImportError(
            "`RemoteMonitor`: expected the `requests` library, which is not installed.\n"
            "Install it: pip install requests."
        ) from error


def _plain(value: object) -> Any:
    """Returns a number or list that JSON can hold in place of an array."""
    if hasattr(value, "dtype"):
        return np.asarray(value).tolist()
    return value


def _finite(value: object) -> Any:
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | str | None) else str(value)
