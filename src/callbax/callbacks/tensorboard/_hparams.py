"""What TensorBoard's tab HParams shows of a run."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from callbax._core._errors import describe, explain
from callbax.callbacks.tensorboard._library import part

Plain = bool | int | float | str


def hyperparameters(owner: str, argument: str, value: Any) -> dict[str, Plain]:
    """Returns name -> a value that TensorBoard can show; lists and tuples as text.

    Raises:
        ValueError: It is not a dict of numbers, booleans, texts and lists.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _illegal(f"{owner}({argument}=...)", value)
    # An `HParam` of TensorBoard's own, as in ``{HP_UNITS: 16}``, has a name.
    found: dict[str, Plain] = {}
    for key, given in value.items():
        name, plain = getattr(key, "name", key), _plain(given)
        if not isinstance(name, str) or not isinstance(plain, Plain):
            raise _illegal(f"{owner}({argument}={{{name!r}: ...}})", plain)
        found[name] = plain
    return found


def session_start(values: Mapping[str, Plain]) -> Any:
    """Makes the value that says with what a run has begun."""
    return part("plugins.hparams.summary_v2").hparams_pb(dict(values)).value[0]


def session_end() -> Any:
    """Makes the value that says that a run has ended well."""
    api, data = part("plugins.hparams.api_pb2"), part("plugins.hparams.plugin_data_pb2")
    names = part("plugins.hparams.metadata")
    status = api.Status.Value("STATUS_SUCCESS")
    info = data.SessionEndInfo(status=status, end_time_secs=time.time())
    return part("compat.proto.summary_pb2").Summary.Value(
        tag=names.SESSION_END_INFO_TAG,
        tensor=names.NULL_TENSOR,
        metadata=names.create_summary_metadata(data.HParamsPluginData(session_end_info=info)),
    )


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return str(list(value)) if isinstance(value, list | tuple) else value


def _illegal(where: str, value: object) -> ValueError:
    return ValueError(
        explain(
            where,
            expected="names and values: numbers, booleans, texts, or lists of them",
            received=describe(value),
            action='Pass such as {"learning_rate": 0.1, "units": [64, 32]}.',
        )
    )
