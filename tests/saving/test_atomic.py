"""Files are there whole or not at all."""

import errno
import os
import re
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from flax import nnx

import callbax
from callbax import layers
from callbax._core import _temporaries
from callbax.saving._atomic import replacing
from callbax.saving._paths import check_directory
from callbax.testing import fill_disk

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
    with (
        fill_disk(100_000),
        pytest.raises(OSError, match='received the error "File too large"') as error,
    ):
        write(wide, target)
    assert str(target) in str(error.value)
    assert target.read_bytes() == old
    assert os.listdir(target.parent) == [target.name]


LEFT = {
    "of a killed writer": (".a.keras.0123abcd.callbax.tmp", 0, False),
    "of a killed writer to another target": (".b.keras.0123abcd.callbax.tmp", 0, False),
    "of a killed writer to a target with a dot": (".c..0123abcd.callbax.tmp", 0, False),
    "of somebody else": (".a.keras.mine.callbax.tmp", 25, True),
    "of another library": (".b.keras.0123abcd.tmp", 25, True),
    "of an older version": (".a.keras.0123abcd.tmp", 25, False),
    "of an older version that may write": (".a.keras.0123abcd.tmp", 23, True),
    "of an older version for a longer name": (".a.keras.0123abcd.0123abcd.tmp", 25, True),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_killed_writers_left_is_removed(what, tmp_path):
    name, hours, stays = LEFT[what]
    (tmp_path / name).write_bytes(OLD)
    changed = time.time() - hours * 3600
    os.utime(tmp_path / name, (changed, changed))
    with replacing(tmp_path / "a.keras", where="save") as temporary:
        temporary.write_bytes(NEW)
    assert sorted(os.listdir(tmp_path)) == sorted(["a.keras", *[name] * stays])


def test_a_link_or_a_directory_of_such_a_name_is_left_alone(tmp_path):
    (tmp_path / "mine").write_bytes(OLD)
    (tmp_path / ".a.0123abcd.callbax.tmp").symlink_to(tmp_path / "mine")
    (tmp_path / ".b.0123abcd.callbax.tmp").mkdir()
    before = sorted(os.listdir(tmp_path))
    with replacing(tmp_path / "a", where="save"):
        pass
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "a"])
    assert (tmp_path / "mine").read_bytes() == OLD


HOLDS = """
    import sys
    from callbax.saving._atomic import replacing
    with replacing(sys.argv[1], where="save") as temporary:
        temporary.write_bytes(b"half")
        print(temporary, flush=True)
        sys.stdin.readline()
        temporary.write_bytes(b"whole")
"""


@pytest.mark.parametrize("ends", ["it is killed", "it goes on"])
def test_what_another_process_writes_stays_until_that_process_is_gone(tmp_path, ends):
    other, own = tmp_path / "other", tmp_path / "own"
    command = [sys.executable, "-c", textwrap.dedent(HOLDS), str(other)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as child:
        left = Path(child.stdout.readline().strip())
        os.utime(left, (0, 0))  # a clock that is wrong decides nothing
        for _ in range(2):
            with replacing(own, where="save"):
                assert left.exists()
        check_directory(str(tmp_path), where="save")
        assert left.exists()
        if ends == "it is killed":
            child.kill()
        else:
            child.stdin.write("\n")
    with replacing(own, where="save"):
        pass
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    whole = {"other": b"whole"} if ends == "it goes on" else {}
    assert found == {"own": b"", **whole}


def test_opening_a_directory_removes_what_was_left_there(tmp_path):
    (tmp_path / ".1.weights.h5.0123abcd.callbax.tmp").write_bytes(OLD)
    (tmp_path / "mine.tmp").touch()
    check_directory(str(tmp_path), where="save")
    assert os.listdir(tmp_path) == ["mine.tmp"]


def test_writers_of_one_directory_never_take_each_other_s_files(tmp_path):
    """Between making a file and locking it a writer is without a lock."""

    def write(number):
        for save in range(150):
            with replacing(tmp_path / str(number), where="save") as temporary:
                temporary.write_text(str(save))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert sorted(os.listdir(tmp_path)) == ["0", "1", "2", "3"]
    assert {path.read_text() for path in tmp_path.iterdir()} == {"149"}


@pytest.mark.parametrize("hours", [23, 25])
def test_without_locks_the_age_decides(tmp_path, monkeypatch, hours):
    def none(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_temporaries.fcntl, "flock", none)
    left = tmp_path / ".b.0123abcd.callbax.tmp"
    left.touch()
    changed = time.time() - hours * 3600
    os.utime(left, (changed, changed))
    with replacing(tmp_path / "a", where="save"):
        pass
    assert left.exists() == (hours < 24)


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
