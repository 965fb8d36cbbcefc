"""The environments in which the contestants live."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".venv-bench"
SERVED = ("keras-served", "keras-forward")
"""Keras on JAX under callbax: by its own step, and by callbax's."""
OURS = ("callbax", "hand-written", "hand-nnx", *SERVED)
"""Contestants that run in the environment of callbax itself."""


class NotInstalledError(Exception):
    """A peer cannot be installed here; the message is the installer's last word."""


def python_of(contestant: str) -> Path:
    """Returns the interpreter of a contestant, after making its environment if that is missing.

    Raises:
        NotInstalledError: None of the peer's sets of requirements can be installed.
    """
    if contestant in OURS:
        return Path(sys.executable)
    home = HOME / contestant
    python, ready, listed = home / "bin" / "python", home / ".ready", _listed()[contestant]
    if not ready.exists() or ready.read_text() != listed:
        print(f"setting up {contestant}: {listed}", file=sys.stderr, flush=True)
        _make(home, [choice.split() for choice in listed.split("|")])
        ready.write_text(listed)
    return python


def compile_bytecode(python: Path) -> None:
    """Compiles all modules of an environment, so that no run has to."""
    library = python.parent.parent / "lib"
    for folder in (library, ROOT / "src", ROOT / "benchmarks"):
        compileall.compile_dir(folder, quiet=2, workers=0)


def environment(contestant: str) -> dict[str, str]:
    """Returns the environment variables of a contestant: the same threads for everyone."""
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    threads = {
        "OMP_NUM_THREADS": cores,
        "MKL_NUM_THREADS": cores,
        "TF_NUM_INTRAOP_THREADS": cores,
        "TF_NUM_INTEROP_THREADS": cores,
    }
    backends = {"keras-jax": "jax", "keras-tf": "tensorflow", "keras-torch": "torch"}
    backends |= dict.fromkeys(SERVED, "jax")
    keras = {"KERAS_BACKEND": backends[contestant]} if contestant in backends else {}
    # Processes that wait for their turn hold their part of an accelerator's memory.
    shared = {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.2"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    inherited = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return inherited | threads | keras | shared | quiet


def _listed() -> dict[str, str]:
    lines = (ROOT / "benchmarks" / "peers.txt").read_text().splitlines()
    parts = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return dict(parts)


def _make(home: Path, choices: list[list[str]]) -> None:
    uv, python, last = shutil.which("uv"), str(home / "bin" / "python"), ""
    for requirements in choices:
        shutil.rmtree(home, ignore_errors=True)
        if uv:
            _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
            last = _run([uv, "pip", "install", "--quiet", "--python", python, *requirements])
        else:
            _run([sys.executable, "-m", "venv", str(home)])
            last = _run([python, "-m", "pip", "install", "--quiet", *requirements])
        if not last:
            compile_bytecode(Path(python))
            return
    shutil.rmtree(home, ignore_errors=True)
    raise NotInstalledError(last)


def _run(command: list[str]) -> str:
    """Runs a command; returns the last line that it complained with, nothing if it went well."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]
