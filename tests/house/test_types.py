"""Names for what users pass: few public parameters may be of any type."""

import ast
from pathlib import Path

import callbax

ROOT = Path(callbax.__file__).parent
MOST = 0.05
BARE = {"Any", "PyTree", "Any | None", "PyTree | None", "None | Any"}


def parameters(source: str) -> list[tuple[str, str]]:
    """Returns (name, annotation) of the parameters of public functions and methods."""
    found: list[tuple[str, str]] = []

    def visit(body, path):
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                visit(node.body, f"{path}{node.name}.")
            if isinstance(node, ast.FunctionDef) and (
                not node.name.startswith("_") or node.name in ("__init__", "__call__")
            ):
                given = node.args
                for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs):
                    if argument.arg not in ("self", "cls"):
                        shown = ast.unparse(argument.annotation) if argument.annotation else "Any"
                        found.append((f"{path}{node.name}({argument.arg})", shown))

    visit(ast.parse(source).body, "")
    return found


def public_files():
    for path in sorted(ROOT.rglob("*.py")):
        folders = path.relative_to(ROOT).parts[:-1]
        if not any(part.startswith("_") for part in folders):
            yield path


def bare_share(listed):
    bare = [name for name, annotation in listed if annotation in BARE]
    return len(bare) / len(listed), bare


def test_few_public_parameters_are_of_any_type():
    listed = [
        (f"{path.relative_to(ROOT)}: {name}", annotation)
        for path in public_files()
        for name, annotation in parameters(path.read_text())
    ]
    assert len(listed) > 800
    share, bare = bare_share(listed)
    assert share <= MOST, f"{share:.1%} of {len(listed)}:\n" + "\n".join(bare)


def test_the_share_is_counted():
    source = "def f(a: Any, b: int, c: PyTree = None, _d: str = ''): ...\ndef _g(x: Any): ..."
    assert bare_share(parameters(source)) == (0.5, ["f(a)", "f(c)"])
