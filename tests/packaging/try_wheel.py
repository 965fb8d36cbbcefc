"""What a stranger gets: looks into the distributions, runs README's first example from the wheel.

``python tests/packaging/try_wheel.py 3.11 3.12`` takes what is in dist/ and installs the wheel,
without extras, in an environment of its own for every Python of that list that there is. At least
the Python that runs this file is tried. `make package` calls it.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venv-wheel"
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def look_inside(wheel: Path, sdist: Path) -> None:
    """Compares what is packed with what is in the repository."""
    modules = {str(path.relative_to(ROOT / "src")) for path in ROOT.glob("src/callbax/**/*.py")}
    packed = set(zipfile.ZipFile(wheel).namelist())
    inside = {name for name in packed if ".dist-info/" not in name}
    differing = inside ^ (modules | {"callbax/py.typed"})
    if differing:
        sys.exit(f"{wheel.name} and src/ differ: {sorted(differing)}")
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml"}
    stray = {name for name in files if name.split("/")[0] in {"tests", "docs", "benchmarks"}}
    if stray or not wanted <= files:
        sys.exit(f"{sdist.name} has {sorted(stray)} and lacks {sorted(wanted - files)}")


def interpreter(version: str) -> str | None:
    """Returns the path of a Python of that version, if there is one."""
    if version == HERE:
        return sys.executable
    ask = [f"python{version}", "-c", "import sys; print(sys.executable)"]
    try:
        # Where pyenv is, its command of that name works only if the version is chosen.
        chosen = os.environ | {"PYENV_VERSION": version}
        done = subprocess.run(ask, env=chosen, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def first_example() -> str:
    """Returns the first Python block of README.md."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[0]


def try_wheel(wheel: Path, version: str, python: str) -> None:
    """Installs the wheel alone, and runs the example where no source is near."""
    folder = ENVIRONMENTS / version
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    clean = folder / "bin" / "python"
    install = [clean, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", ROOT / "constraints.txt", wheel], check=True)
    subprocess.run([clean, "-m", "pip", "check"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as elsewhere:
        script = Path(elsewhere) / "first_example.py"
        script.write_text(first_example() + "print(cb.__version__, cb.__file__)\n", "utf-8")
        command = [clean, "-I", "-W", "error::DeprecationWarning:callbax", script]
        done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    *_, stopped, cut, scores, where = done.stdout.splitlines() or [""] * 4
    if done.returncode or "at batch" not in stopped + cut or str(folder) not in where:
        sys.exit(f"Python {version}: the first example failed.\n{done.stdout}{done.stderr}")
    print(f"Python {version}: callbax {where.split()[0]} alone, first example: {scores}")


def main() -> None:
    (wheel,), (sdist,) = (list((ROOT / "dist").glob(f"*{end}")) for end in (".whl", ".tar.gz"))
    look_inside(wheel, sdist)
    for version in dict.fromkeys([HERE, *sys.argv[1:]]):
        python = interpreter(version)
        if python is None:
            print(f"Python {version}: not on this machine, not tried")
        else:
            try_wheel(wheel, version, python)


if __name__ == "__main__":
    main()
