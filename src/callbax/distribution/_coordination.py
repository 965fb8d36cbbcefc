"""What processes of a cluster tell each other on the host: small texts under keys.

This is the one file that uses what is private of JAX's distributed runtime.
"""

from typing import Any, Protocol

import jax
from jax._src.clusters import ClusterEnv
from jax._src.distributed import global_state


class Coordination(Protocol):
    """A store of texts that all processes see.

    Attributes:
        process: The number of this process.
        processes: How many there are.
    """

    @property
    def process(self) -> int: ...
    @property
    def processes(self) -> int: ...

    def put(self, key: str, text: str) -> None:
        """Stores a text under a new key."""

    def get(self, key: str, seconds: float) -> str:
        """Returns the text under a key, once it is there.

        Raises:
            TimeoutError: It was not there in time.
        """

    def remove(self, key: str) -> None:
        """Removes a key."""


class JaxCoordination:
    """The store of the cluster that ``jax.distributed`` has joined."""

    @property
    def process(self) -> int:
        return int(jax.process_index())

    @property
    def processes(self) -> int:
        return int(jax.process_count())

    def put(self, key: str, text: str) -> None:
        _client().key_value_set(key, text)

    def get(self, key: str, seconds: float) -> str:
        try:
            text: str = _client().blocking_key_value_get(key, max(1, int(seconds * 1000)))
        except jax.errors.JaxRuntimeError as error:
            if "DEADLINE_EXCEEDED" in str(error):
                raise TimeoutError(key) from error
            raise
        return text

    def remove(self, key: str) -> None:
        _client().key_value_delete(key)


def finds_cluster() -> bool:
    """Returns whether JAX finds by itself what engine has started this process."""
    kinds = ClusterEnv._cluster_types  # noqa: SLF001  there is no public question
    return any(kind.is_env_present() for kind in kinds if not kind.opt_in_only_method)


def _client() -> Any:
    return global_state.client
