"""Tests here need a CPU that looks like several devices: ``--distribution=none`` makes it so."""

import jax

MANY = ["test_layouts.py", "test_processes.py"]


def pytest_ignore_collect(collection_path):
    # `make test` runs the rest on one device; `make distribution` runs these.
    if collection_path.name in MANY and jax.device_count() == 1:
        return True
    return None
