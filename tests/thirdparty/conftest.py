"""Third parties' packages: imported late, kept off the network and away from the user's files."""

import importlib
import os
import socket
import warnings
from pathlib import Path

import pytest
from tests.thirdparty._run import MODELS, REQUIRED, can_run

# They read these when they are imported, or at a run's begin.
os.environ.update(
    COMET_DISABLE_AUTO_LOGGING="1",
    DO_NOT_TRACK="true",
    DVC_NO_ANALYTICS="true",
    DVC_STUDIO_OFFLINE="true",
    MLFLOW_DISABLE_TELEMETRY="true",
    TF_CPP_MIN_LOG_LEVEL="3",
    WANDB_ERROR_REPORTING="false",
    WANDB_MODE="offline",
    WANDB_SILENT="true",
)
HOME = Path(__file__).parent
HERE = ("127.0.0.1", "::1", "localhost")
NEEDED = {
    "test_comet.py": ("comet_ml",),
    "test_dvclive.py": ("dvclive", "tensorflow"),
    "test_grain.py": ("grain",),
    "test_hugging_face.py": ("datasets",),
    "test_keras_tuner.py": ("keras_tuner",),
    "test_keras_own_tests.py": ("tensorflow",),
    "test_keras_tensorboard.py": ("tensorflow", "tensorboard"),
    "test_lightning_page.py": ("lightning",),
    "test_livelossplot.py": ("livelossplot",),
    "test_loggers.py": ("wandb", "mlflow", "dvclive", "tensorflow"),
    "test_mlflow.py": ("mlflow",),
    "test_optuna.py": ("optuna", "optuna_integration"),
    "test_scikeras.py": ("scikeras",),
    "test_survival.py": ("torch", "torchdata", "grain", "tensorboard"),
    "test_swanlab.py": ("swanlab", "tensorflow"),
    "test_tf_data.py": ("tensorflow",),
    "test_torch.py": ("torch",),
    "test_tqdm.py": ("tqdm",),
    "test_wandb.py": ("wandb", "tensorflow"),
}
"""File -> what all of its tests need."""
collect_ignore = [name for name, packages in NEEDED.items() if not can_run(*packages)]


def pytest_collection_modifyitems(items):
    """Passes over what whoever imports `pynvml` is told here, because SwanLab has brought it."""
    told = pytest.mark.filterwarnings("ignore:The pynvml package is deprecated:FutureWarning")
    for item in items:
        if item.path.is_relative_to(HOME):
            item.add_marker(told)


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


@pytest.fixture(params=MODELS)
def make(request):
    """Makes the model of a test, which runs over a native one and over a CNN of Keras's."""
    return MODELS[request.param]


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
