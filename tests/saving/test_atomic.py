"""Files are there whole or not at all."""

import os
import re
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from flax import nnx

import callbax
from callbax import layers
from callbax.saving._atomic import replacing

OLD, NEW = b"old", b"new"
WRITERS = {"a.weights.h5": "save_weights", "a.safetensors": "save_weights", "a.keras": "save"}


@pytest.fixture
def model():
    return callbax.Sequential([layers.Dense(3, input_shape=(4,))])


@pytest.fixture(params=WRITERS)
def target(request, tmp_path):
    return tmp_path / request.param


def write(model, path, **kwargs):
    getattr(model, WRITERS[Path(path).name])(path, **kwargs)


def test_only_the_file_is_left(model, target):
    for path in (target, str(target)):
        write(model, path)
        assert os.listdir(target.parent) == [target.name]


def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(model, target):
    target.with_name("usual").touch()
    write(model, target)
    assert target.stat().st_mode == target.with_name("usual").stat().st_mode
    target.chmod(0o640)
    write(model, target)
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(model, target):
    real = target.with_name("real")
    real.touch()
    target.symlink_to(real)
    write(model, target)
    assert target.is_symlink()
    assert real.stat().st_size > 0


def test_overwrite_false_keeps_the_old_file(model, target):
    target.write_bytes(OLD)
    with pytest.raises(FileExistsError, match="as overwrite=False, received") as error:
        write(model, target, overwrite=False)
    assert str(target) in str(error.value)
    assert target.read_bytes() == OLD
    target.unlink()
    write(model, target, overwrite=False)
    assert target.stat().st_size > 0


def test_a_directory_is_no_file(model, target):
    target.mkdir()
    with pytest.raises(IsADirectoryError, match=re.escape(f'the directory "{target}"')):
        write(model, target)
    assert os.listdir(target.parent) == [target.name]


UNUSABLE = {
    "no directory": (FileNotFoundError, "No such file or directory"),
    "file as directory": (NotADirectoryError, "Not a directory"),
}


@pytest.mark.parametrize("obstacle", UNUSABLE)
def test_directories_are_not_made(model, target, obstacle):
    if obstacle == "file as directory":
        (target.parent / "sub").touch()
    kind, reason = UNUSABLE[obstacle]
    path = target.parent / "sub" / target.name
    with pytest.raises(kind, match="Check that the directory exists and may be used") as error:
        write(model, path)
    assert f'expected a place to write to at "{path}", received the error "{reason}"' in str(
        error.value
    )


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_an_error_on_the_way_keeps_the_old_file(model, target, failing, monkeypatch):
    target.write_bytes(OLD)

    def fail(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(PermissionError, match="Permission denied"):
        write(model, target)
    assert target.read_bytes() == OLD
    assert os.listdir(target.parent) == [target.name]


def test_an_exception_in_the_block_keeps_the_old_file_and_its_own_kind(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(OLD)

    def fail(error):
        with replacing(target, where="save") as temporary:
            temporary.write_bytes(NEW)
            raise error

    for error in (KeyError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            fail(error)
    assert target.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["file"]


def test_the_new_file_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    events = []

    def note(name):
        real = getattr(os, name)

        def noting(*args):
            events.append(
                (name, os.readlink(f"/proc/self/fd/{args[0]}") if name == "fsync" else "")
            )
            return real(*args)

        monkeypatch.setattr(os, name, noting)

    note("fsync")
    note("replace")
    with replacing(tmp_path / "file", where="save") as temporary:
        temporary.write_bytes(NEW)
    assert events == [("fsync", str(temporary)), ("replace", ""), ("fsync", str(tmp_path))]


def test_a_full_disk_keeps_the_old_file(model, target):
    """A limit on the size of files stands in for the disk: both fail in the middle of writing."""
    write(model, target)
    old = target.read_bytes()
    wide = callbax.Sequential([layers.Dense(3000, input_shape=(40,))])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(OSError, match='received the error "File too large"') as error:
            write(wide, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert str(target) in str(error.value)
    assert target.read_bytes() == old
    assert os.listdir(target.parent) == [target.name]


LEFT = {
    "of a killed writer": (".a.keras.0123abcd.tmp", 25, False),
    "of a writer that may live": (".a.keras.0123abcd.tmp", 23, True),
    "of another target": (".b.keras.0123abcd.tmp", 25, True),
    "of a target with a longer name": (".a.keras.0123abcd.0123abcd.tmp", 25, True),
    "of somebody else": (".a.keras.mine.tmp", 25, True),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_killed_writers_left_is_removed_a_day_later(what, tmp_path):
    name, hours, stays = LEFT[what]
    (tmp_path / name).write_bytes(OLD)
    changed = time.time() - hours * 3600
    os.utime(tmp_path / name, (changed, changed))
    with replacing(tmp_path / "a.keras", where="save") as temporary:
        temporary.write_bytes(NEW)
    assert sorted(os.listdir(tmp_path)) == sorted(["a.keras", *[name] * stays])


def test_a_name_that_reads_as_a_pattern_is_only_a_name(tmp_path):
    left = tmp_path / ".[ab].0123abcd.tmp"
    for path in (left, tmp_path / ".a.0123abcd.tmp"):
        path.touch()
        os.utime(path, (0, 0))
    with replacing(tmp_path / "[ab]", where="save"):
        pass
    assert sorted(os.listdir(tmp_path)) == [".a.0123abcd.tmp", "[ab]"]


KILLED = """
    import os, random, signal, sys, time
    import numpy as np
    from callbax.saving._atomic import replacing
    from callbax.saving._contents import Contents
    from callbax.saving.weights import WRITERS

    directory, rounds = sys.argv[1], int(sys.argv[2])
    random.seed(0)
    for end, to_bytes in WRITERS.items():
        path = os.path.join(directory, "run" + end)
        for number in range(rounds):
            done, announce = os.pipe()
            process = os.fork()  # made for every kill, as importing takes seconds
            if process == 0:
                for save in range(10**6):
                    value = number + save / 2**10
                    arrays = {f"module/{i}": np.full(40_000, value, "float32") for i in "abc"}
                    with replacing(path, where="save") as temporary:
                        temporary.write_bytes(to_bytes(Contents(arrays)))
                    os.write(announce, b".")
            os.read(done, 1)
            time.sleep(random.uniform(0, 0.05))
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            os.close(done), os.close(announce)
            print(path, number, flush=True)
            sys.stdin.readline()
"""


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path):
    """A process that saves without a pause is killed at random moments."""
    rounds, kills = 12, 0
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path), str(rounds)]
    model = callbax.Model(Numbers())
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as child:
        for line in child.stdout:
            path, number = line.split()
            model.load_weights(path)
            values = {float(value) for array in model.get_weights() for value in array}
            assert len(values) == 1, "a file holds parts of several saves"
            assert values.pop() // 1 == int(number), "a finished save was lost"
            kills += 1
            child.stdin.write("\n")
    assert child.returncode == 0
    assert kills == 2 * rounds


class Numbers(nnx.Module):
    def __init__(self):
        self.a, self.b, self.c = (nnx.Param(np.zeros(40_000, "float32")) for _ in range(3))

    def __call__(self, x):
        return x
