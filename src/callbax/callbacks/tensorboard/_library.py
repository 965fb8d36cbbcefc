"""The package `tensorboard`: the messages that its reader reads."""

import importlib
from typing import Any

_PARTS = (
    "compat.proto.event_pb2",
    "compat.proto.summary_pb2",
    "compat.proto.tensor_pb2",
    "compat.proto.tensor_shape_pb2",
)


def library() -> Any:
    """Returns the package `tensorboard`, its messages imported; none of this imports TensorFlow.

    Raises:
        ImportError: It is not installed.
    """
    try:
        for part in _PARTS:
            importlib.import_module(f"tensorboard.{part}")
        return importlib.import_module("tensorboard")
    except ImportError as error:
        raise ImportError(
            "`TensorBoard`: expected the `tensorboard` library, which is not installed.\n"
            'Install it: pip install "callbax[tensorboard]".'
        ) from error


def part(name: str) -> Any:
    """Returns one more module of it: ``part("plugins.hparams.api")``."""
    return importlib.import_module(f"tensorboard.{name}")
