"""Where data set files live."""

import os
from pathlib import Path

import pooch

from callbax._core._download import keras_home

FOLDER_VARIABLE = "CALLBAX_DATA_DIR"


def data_folder() -> Path:
    """Returns the cache folder: ``$CALLBAX_DATA_DIR``, else callbax's own below the user's."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("callbax"))


def keras_folder() -> Path:
    """Returns the folder in which Keras keeps the same files (``$KERAS_HOME`` is honoured)."""
    return keras_home() / "datasets"
