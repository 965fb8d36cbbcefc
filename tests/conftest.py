"""Settings for all tests: the reference runs on JAX, and each program is compiled once."""

import gc
import os
from collections import Counter

# Before Keras or JAX is imported.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest

from callbax._training._pool import forget_programs
from callbax.distribution import DataParallel, set_distribution

# Thousands of programs stay in memory, and each full collection looks at all that they hold.
gc.set_threshold(700, 10, 50)

DEVICES = 4
"""How many devices a CPU is made to look like for tests of distributions."""


def pytest_addoption(parser):
    parser.addoption(
        "--distribution",
        choices=["none", "dp", "fsdp"],
        help=f"make the CPU look like {DEVICES} devices, and all models distributed like that",
    )
    parser.addoption("--nightly", action="store_true", help="try all of what CI tries some of")


def pytest_configure(config):
    if config.getoption("--distribution", None):
        jax.config.update("jax_num_cpu_devices", DEVICES)


def pytest_collection_modifyitems(config, items):
    nightly = config.getoption("--nightly", None)
    left_out = set() if nightly else {"nightly"}
    if config.getoption("--distribution", None) in ("dp", "fsdp"):
        left_out.add("one_device")
    kept, others, seen = [], [], Counter()
    for item in items:
        out = left_out & {mark.name for mark in item.iter_markers()}
        if not nightly and (every := item.get_closest_marker("every")):
            test = item.nodeid.partition("[")[0]
            out = out or seen[test] % every.args[0]
            seen[test] += 1
        (others if out else kept).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def asked_distribution(request):
    """Distributes models that fixtures of whole modules make as the command line says."""
    kind = request.config.getoption("--distribution")
    distribute(kind)
    return kind


@pytest.fixture(autouse=True)
def distribution(asked_distribution):
    """Lets every model be distributed as the command line says, whatever a test does."""
    yield asked_distribution
    distribute(asked_distribution)


def distribute(kind):
    several = kind in ("dp", "fsdp")
    set_distribution(DataParallel(shard_state=kind == "fsdp") if several else None)


@pytest.fixture(scope="session", autouse=True)
def shared_programs(tmp_path_factory):
    """Every model is still traced on its own; only XLA's work is shared (7 times as fast).

    It is shared with the other workers of pytest-xdist, whose folders are beside this one's.
    """
    base = tmp_path_factory.getbasetemp()
    programs = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled"
    jax.config.update("jax_compilation_cache_dir", str(programs))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.fixture
def unshared():
    """Lets models of the test share no compiled programs with those of tests before."""
    forget_programs()
