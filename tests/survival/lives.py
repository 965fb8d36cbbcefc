"""Lives of scripts in real processes, until they were killed often enough."""

import json
import os
import pickle
import random
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray
from tests.survival import kinds

ROOT = Path(__file__).parents[2]
KILLS = -(-int(os.environ.get("CALLBAX_SURVIVAL_KILLS", "18")) // len(kinds.KINDS))
WAYS = ("batch", "clock", "write")
MOST_LIVES = 40


class Server:
    """Lives of scripts, one after the other; see `tests.survival.server`."""

    def __init__(self, cache):
        paths = [str(ROOT), *sys.path]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.survival.server", str(cache)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self.kills, self.in_writes = 0, 0

    def live(self, kind, directory, resumable, how="whole", at=(0, 0), after=0.0):
        """Lives one life; returns how the process ended."""
        life = {"kind": kind, "directory": str(directory), "resumable": resumable}
        self.process.stdin.write(json.dumps({**life, "how": how, "at": at, "after": after}) + "\n")
        ended = json.loads(self.process.stdout.readline())
        if ended["status"] < 0:
            self.kills += 1
            self.in_writes += ended["in a write"]
        return ended["status"]


@contextmanager
def serving(directory):
    """Gives a server whose programs are kept in a directory."""
    made = Server(directory)
    yield made
    made.process.stdin.close()
    assert made.process.wait(60) == 0
    made.process.stdout.close()


def events(directory):
    """Returns what TensorBoard shows: run and tag -> step -> value."""
    found = {}
    for path in sorted(directory.rglob("*tfevents*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                tag = f"{path.parent.name}/{value.tag}"
                found.setdefault(tag, []).append((event.step, make_ndarray(value.tensor).tolist()))
    return {tag: sorted(points) for tag, points in sorted(found.items())}


def end_of(directory):
    result = pickle.loads((directory / "result").read_bytes())
    return {**result, "events": events(directory)}


def faults_of(ledger):
    """Returns the epochs that the weights saw, in which a row was skipped or trained twice.

    Restored best weights have not seen the last epochs; the caller holds the ledger against the
    uninterrupted run's, so that no other epoch can be missing.
    """
    (rows,) = ledger
    per_epoch = -(-kinds.ROWS // kinds.BATCH)
    taken = [rows[i * per_epoch : (i + 1) * per_epoch].ravel() for i in range(kinds.EPOCHS)]
    whole = list(range(kinds.ROWS))
    seen = [epoch[epoch >= 0] for epoch in taken]
    return [i for i, epoch in enumerate(seen) if len(epoch) and sorted(epoch) != whole]


def survive(server, kind, directory, resumable="BackupAndRestore", kills=KILLS, ways=WAYS):
    """Kills a script until it was killed often enough; returns (whole, received) of each round."""
    rng = random.Random(kind)
    whole = directory / "whole"
    assert server.live(kind, whole, resumable) == 0
    ends, done, lives = [], 0, 0
    while done < kills:
        here, status = directory / f"round {len(ends)}", -1
        while status != 0:
            lives += 1
            assert lives < MOST_LIVES + 3 * kills, "no progress from one life to the next"
            how = ways[done % len(ways)] if done < kills else "whole"
            at = rng.randrange(kinds.EPOCHS), rng.randrange(5)
            status = server.live(kind, here, resumable, how, at, rng.uniform(0, 0.4))
            assert status in (0, -9), f"the script failed after {done} kills"
            done += status == -9
        ends.append((end_of(whole), end_of(here)))
    return ends
