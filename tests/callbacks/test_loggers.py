"""Loggers of other packages, without those packages; tests/thirdparty has the rest."""

import sys

import pytest

from callbax import callbacks

LOGGERS = {"WandbLogger": "wandb", "MLflowLogger": "mlflow", "DVCLiveLogger": "dvclive"}


@pytest.mark.parametrize("name", LOGGERS)
def test_says_which_extra_to_install(name, monkeypatch):
    package = LOGGERS[name]
    monkeypatch.setitem(sys.modules, package, None)
    words = (
        rf"^`{name}`: expected the package `{package}`, received an environment without it\.\n"
        rf'Install it: pip install "callbax\[{package}\]"\.$'
    )
    with pytest.raises(ImportError, match=words):
        getattr(callbacks, name)()


@pytest.mark.parametrize("name", LOGGERS)
def test_is_one_that_tells_and_does_not_change(name):
    logger = getattr(callbacks, name)
    told = (logger.execution, logger.processes, logger.adds_logs, logger.on_failure)
    assert told == ("fused", "first", (), "warn")
