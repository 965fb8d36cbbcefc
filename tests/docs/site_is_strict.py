"""The negative control of `make docs`: a small site fails with any fault, and not without.

``python tests/docs/site_is_strict.py`` builds both with the extensions of the real one.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

EXTENSIONS = Path(__file__).parents[2] / "docs" / "_ext"
CONF = f"""
import os, sys
os.environ["JAX_PLATFORMS"], os.environ["KERAS_BACKEND"] = "cpu", "jax"
sys.path.insert(0, {str(EXTENSIONS)!r})
import callbax
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb", "code_blocks", "documented",
              "repository_links"]
default_role, autodoc_typehints = "code", "none"
exclude_patterns = ["api"]
nb_execution_raise_on_error = True
"""
PAGE = """# A page

[another](other.md)

```python
x = 1
```

```{toctree}
other
```
"""
OTHER = """---
file_format: mystnb
kernelspec:
  name: python3
---

# Another

```{code-cell} ipython3
print("works")
```
"""
FAULTS = {
    "a link to a page that is not there": ("(other.md)", "(nowhere.md)", "nowhere.md"),
    "a link to no file of the repository": ("(other.md)", "(../nowhere.py)", "no such file"),
    "a block that fails": ("x = 1", "x = 1 / 0", "a code block failed"),
    "a cell that fails": ('print("works")', "1 / 0", "ExecutionError"),
    "a name without a docstring": (
        "import callbax\n",
        "import callbax\ncallbax.utils.to_categorical.__doc__ = None\n",
        "callbax.utils.to_categorical is public and has no docstring",
    ),
}
"""What is wrong -> what is replaced, by what, and what the build says of it."""


def built(texts: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Builds a site of these files, as `make docs` does."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-n", "-q"]
        return subprocess.run(
            [*command, folder, f"{folder}/_build"], capture_output=True, text=True, check=False
        )


def main() -> None:
    sound = {"conf.py": CONF, "index.md": PAGE, "other.md": OTHER}
    done = built(sound)
    if done.returncode:
        sys.exit(f"a site without a fault was refused:\n{done.stderr}")
    for what, (before, after, told) in FAULTS.items():
        done = built({name: text.replace(before, after) for name, text in sound.items()})
        if done.returncode == 0 or told not in done.stderr:
            sys.exit(f"{what} was not refused:\n{done.stdout}{done.stderr}")
    print(f"{len(FAULTS)} faults refused: {', '.join(FAULTS)}")


if __name__ == "__main__":
    main()
