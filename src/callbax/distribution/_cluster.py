"""Joining the processes that an engine has started."""

import os
import secrets
import socket
import time
from collections.abc import Mapping

import jax

from callbax._core._errors import explain
from callbax._core._rng import is_seeded, seed_generators
from callbax.distribution._coordination import JaxCoordination, finds_cluster

_JAX = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
_KERAS = (
    "KERAS_DISTRIBUTION_JOB_ADDRESSES",
    "KERAS_DISTRIBUTION_NUM_PROCESSES",
    "KERAS_DISTRIBUTION_PROCESS_ID",
)


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    timeout: float = 300,
    heartbeat: float = 100,
) -> None:
    """Joins the cluster that an engine has started; does nothing if there is none.

    Call it before anything else that uses JAX. What is not given is taken from
    ``JAX_COORDINATOR_ADDRESS``, ``JAX_NUM_PROCESSES`` and ``JAX_PROCESS_ID``, then from
    ``KERAS_DISTRIBUTION_JOB_ADDRESSES``, ``..._NUM_PROCESSES`` and ``..._PROCESS_ID``, then from
    what JAX finds of Slurm, Open MPI, Kubernetes (JobSet) and TPU pods. If the engine has joined
    already, as Ray Train does, nothing happens.

    Unless ``utils.set_random_seed`` was called, all processes then start their random generators
    from one seed, so that each makes the same weights and the same order of data.

    Args:
        job_addresses: Address of the first process, ``"host:port"``; of a list with commas, as in
            Keras, the first one counts.
        num_processes: How many processes there are.
        process_id: The number of this one, from 0.
        timeout: How many seconds to wait for the others.
        heartbeat: After how many seconds without a sign of life a process counts as gone; the
            others are ended then, for the engine to start all of them again.

    Raises:
        ValueError: Something is missing or wrong.
        RuntimeError: JAX has started already, or the others could not be reached in time.
    """
    if jax.distributed.is_initialized():
        return
    given = _given(job_addresses, num_processes, process_id, os.environ)
    if given is None and not finds_cluster():
        return
    address, count, number = given or (None, None, None)
    if address is not None and number:
        _await_first(address, timeout)
    try:
        jax.distributed.initialize(
            address,
            count,
            number,
            initialization_timeout=max(1, int(timeout)),
            heartbeat_timeout_seconds=max(1, int(heartbeat)),
        )
    except (RuntimeError, ValueError) as error:
        reached = address or "the cluster that JAX has found"
        raise RuntimeError(
            explain(
                "distribution.initialize",
                expected=f"{count or 'all'} processes at {reached} within {timeout:g} s, and JAX "
                "not started before",
                received=str(error).splitlines()[0].rstrip("."),
                action="Call it before anything else that uses JAX, and start as many processes "
                "as it is told of, each with another number.",
            )
        ) from error
    if jax.process_count() > 1 and not is_seeded():
        seed_generators(_common_seed(JaxCoordination()))


def _given(
    address: str | None, count: int | None, number: int | None, environ: Mapping[str, str]
) -> tuple[str, int, int] | None:
    """Returns what the user or the engine says of the cluster; None if nothing.

    Raises:
        ValueError: Only a part of it, or no number where one belongs.
    """
    values: list[str | int | None] = [address, count, number]
    for names in (_JAX, _KERAS):
        if all(value is None for value in values) and names[0] not in environ:
            continue
        values = [
            environ.get(name) if value is None else value
            for value, name in zip(values, names, strict=True)
        ]
    if all(value is None for value in values):
        return None
    words = ("job_addresses", "num_processes", "process_id")
    missing = [word for word, value in zip(words, values, strict=True) if value is None]
    try:
        found = str(values[0]).split(",")[0], int(values[1] or 0), int(values[2] or 0)
    except ValueError:
        found = None
    if missing or found is None or not 0 <= found[2] < found[1] or ":" not in found[0]:
        raise ValueError(
            explain(
                "distribution.initialize",
                expected='"host:port" of the first process, how many there are, and the number of '
                "this one, from 0",
                received=", ".join(
                    f"{word}={value!r}" for word, value in zip(words, values, strict=True)
                ),
                action=f"Pass them, or set {', '.join(_JAX)}.",
            )
        )
    return found


def _await_first(address: str, timeout: float) -> None:
    """Waits until the first process answers; JAX would end this one with a dump of its memory.

    Raises:
        RuntimeError: It did not answer in time.
    """
    host, _, port = address.rpartition(":")
    until = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=timeout).close()
        except OSError as error:
            if time.monotonic() < until:
                time.sleep(0.1)
                continue
            raise RuntimeError(
                explain(
                    "distribution.initialize",
                    expected=f"the first process at {address} within {timeout:g} s",
                    received=f"the error {error}",
                    action="See whether it was started, and whether this machine reaches it.",
                )
            ) from error
        return


def _common_seed(coordination: JaxCoordination) -> int:
    """Returns one seed in all processes, which the first one draws."""
    key = "callbax/seed"
    if coordination.process == 0:
        coordination.put(key, str(secrets.randbelow(2**31)))
    return int(coordination.get(key, 60))
