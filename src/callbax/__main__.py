"""Runs a Keras script under callbax: ``python -m callbax script.py [arguments]``."""

import argparse
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Runs the script that the command line names; its Keras models train under callbax."""
    parser = argparse.ArgumentParser(prog="python -m callbax", description=__doc__)
    parser.add_argument("script", type=Path, help="a Keras script, as it is")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments")
    given = parser.parse_args()
    if not given.script.is_file():
        parser.error(f"expected a script, received {given.script}: there is no such file.")

    from callbax import keras_training  # noqa: PLC0415  it imports Keras

    sys.argv = [str(given.script), *given.arguments]
    sys.path[0] = str(given.script.resolve().parent)
    try:
        runpy.run_path(str(given.script), run_name="__main__")
    finally:
        print(keras_training.served(), file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
