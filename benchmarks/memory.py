"""How much memory a process has in use at most."""

import ctypes
import gc
import resource
from pathlib import Path


def peak_bytes() -> int:
    """Returns the most memory that this process has had in use, since `forget_peak` if that was."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count what the parent had in use when it forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak() -> int:
    """Lets the memory that is in use now be the most so far, and returns it.

    What was freed is given back before: else what a run takes might come from there, unseen.

    Raises:
        OSError: The system does not count so; Linux does.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return peak_bytes()
