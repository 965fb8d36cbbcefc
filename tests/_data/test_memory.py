"""What data cost a process: memory for a batch of a large file, and no library of others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MAPPED = """
import re, sys
from pathlib import Path
import numpy as np
import callbax as cb
from callbax._data import _rows

kept, shuffle = sys.argv[2] == "kept", sys.argv[3] == "shuffled"
if kept:
    _rows.MAPPED_BYTES = 2**40
shape = (768 * 2**20 // 4096, 1024)
np.lib.format.open_memmap(sys.argv[1], "w+", np.float32, shape).flush()  # holes, no blocks
x, y = np.load(sys.argv[1], mmap_mode="r"), np.ones((shape[0], 1), "float32")
model = cb.Sequential([cb.layers.Dense(1, input_shape=(1024,))])
model.compile("sgd", "mse")
model.fit(x[:512], y[:512], batch_size=256, verbose=0)

def highest():  # not ru_maxrss, which starts from that of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

peak = highest()
model.fit(x, y, batch_size=256, verbose=0, shuffle=shuffle)
print((highest() - peak) // 1024)
"""
ARRAYS = """
import sys
import numpy as np
import callbax as cb

x, y = np.ones((40, 3), "float32"), np.ones((40, 1), "float32")
model = cb.Sequential([cb.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, y, validation_data=[x, y], class_weight={0: 1.0}, epochs=2, verbose=0)
model.fit(((x, y) for _ in range(3)), verbose=0)
model.evaluate(x, y, verbose=0), model.predict({"x": x}["x"], verbose=0)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
LIBRARIES = {"datasets", "grain", "keras", "pandas", "polars", "pyarrow", "sklearn"}
LIBRARIES |= {"tensorflow", "torch", "torchdata"}


def run(program, *arguments):
    """Returns what a program prints in a process of its own."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    source = str(Path(__file__).parents[2] / "src")
    environment = os.environ | {"PYTHONPATH": source, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="pages are let go, and counted, on Linux")
@pytest.mark.parametrize("order", ["ordered", "shuffled"])
def test_a_mapped_file_is_never_in_memory_as_a_whole(tmp_path, order):
    """The file has 768 MB. That the limit can be broken, the next test shows."""
    assert int(run(MAPPED, tmp_path / "x.npy", "let go", order)) < 384


@pytest.mark.skipif(sys.platform != "linux", reason="pages are let go, and counted, on Linux")
def test_it_would_be_if_pages_were_kept(tmp_path):
    assert int(run(MAPPED, tmp_path / "x.npy", "kept", "ordered")) > 384


def test_nothing_is_imported_that_the_data_do_not_come_from():
    assert not LIBRARIES & set(run(ARRAYS).split())


def test_the_test_would_see_it():
    assert "pandas" in run("import pandas" + ARRAYS).split()
