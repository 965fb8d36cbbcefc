"""A process that has imported everything, and forks a fresh one for every life of a script.

It reads lines of JSON, each a life to live, and answers each with a line: how it ended, and
whether the kill came in the middle of a write.
"""

import json
import os
import pickle
import random
import signal
import sys
import time
import warnings
from pathlib import Path

# Before Keras or JAX is imported.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
from tests.survival import kinds

from callbax.callbacks import LambdaCallback
from callbax.testing import kill_at

LONGEST = 60.0


def live(life, began):
    """Runs a script in this process; tells through a pipe when training begins."""
    watch = [LambdaCallback(on_train_begin=lambda logs: os.write(began, b"."))]
    if life["how"] == "batch":
        watch.append(kill_at(*life["at"]))
    else:
        watch.append(kill_at(10**6))  # never; the callbacks are the same in every life
    result = kinds.run(life["kind"], life["directory"], life["resumable"], watch)
    Path(life["directory"], "result").write_bytes(pickle.dumps(result))


def in_child(life, began):
    status = 1
    try:
        live(life, began)
        status = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ()), file=sys.stderr)
    finally:
        os._exit(status)


def halves(directory):
    """Returns the files that have not taken their places yet: a write is under way."""
    return {str(path) for path in Path(directory).rglob(".*.tmp")}


def kill(life, pid, began):
    """Kills a process a while after training began, or as soon as it writes."""
    os.read(began, 1)
    until = time.monotonic() + (life["after"] if life["how"] == "clock" else LONGEST)
    before, moment = halves(life["directory"]), random.Random(life["after"])
    while time.monotonic() < until:
        if life["how"] == "write" and halves(life["directory"]) - before and moment.random() < 0.2:
            break
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
    os.kill(pid, signal.SIGKILL)


def answer(life):
    Path(life["directory"], "best").mkdir(parents=True, exist_ok=True)
    before = halves(life["directory"])
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        in_child(life, writer)
    os.close(writer)
    if life["how"] in ("clock", "write"):
        kill(life, pid, reader)
    _, status = os.waitpid(pid, 0)
    os.close(reader)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "in a write": bool(halves(life["directory"]) - before),
    }


def main():
    warnings.simplefilter("ignore", RuntimeWarning)  # JAX warns of forks; it has not begun yet
    jax.config.update("jax_compilation_cache_dir", sys.argv[1])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
