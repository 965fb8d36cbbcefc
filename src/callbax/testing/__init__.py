"""For tests of callbacks: what one must stand, a record of hooks, kills, a disk that fails."""

from callbax.testing.checks import check_callback
from callbax.testing.damaging import damage
from callbax.testing.disks import fail_writes, fill_disk
from callbax.testing.killing import kill_at
from callbax.testing.recording import record_hooks

__all__ = [
    "check_callback",
    "damage",
    "fail_writes",
    "fill_disk",
    "kill_at",
    "record_hooks",
]
