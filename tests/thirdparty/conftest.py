"""Third parties' packages: imported late, kept off the network and away from the user's files."""

import importlib
import os
import socket
import warnings

import pytest

# They read these when they are imported, or at a run's begin.
os.environ.update(
    DO_NOT_TRACK="true",
    DVC_NO_ANALYTICS="true",
    DVC_STUDIO_OFFLINE="true",
    MLFLOW_DISABLE_TELEMETRY="true",
    TF_CPP_MIN_LOG_LEVEL="3",
    WANDB_ERROR_REPORTING="false",
    WANDB_MODE="offline",
    WANDB_SILENT="true",
)
HERE = ("127.0.0.1", "::1", "localhost")
REQUIRED = os.environ.get("CALLBAX_THIRDPARTY") == "required"


@pytest.fixture(scope="session")
def optional():
    """Imports a module and those it needs, or says what to install: the test is skipped then.

    `make thirdparty`, which installs them all, has it fail instead.
    """

    def load(name, *needed):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for module in needed:
                    importlib.import_module(module)
                return importlib.import_module(name)
        except ModuleNotFoundError as error:
            end = pytest.fail if REQUIRED else pytest.skip
            end(f"`{error.name}` is not installed; the group `thirdparty` has it")

    return load


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """Runs in an empty directory, and fails if anything in this process calls another machine."""
    called = []
    connect = socket.socket.connect

    def connect_here(self, address):
        if isinstance(address, tuple) and address[0] not in HERE:
            called.append(address)
            raise ConnectionRefusedError(f"tests do not call {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    monkeypatch.chdir(tmp_path)
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    yield
    assert not called, f"called other machines: {called}"
