"""Docstrings that the site would read as something else."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"


def properties(tree):
    """Yields the properties of a module's classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = {ast.unparse(decorator) for decorator in node.decorator_list}
            if names & {"property", "cached_property", "functools.cached_property"}:
                yield node


def names_a_type(node):
    """Returns whether the site takes the begin of a property's docstring for its type."""
    first, _, _ = (ast.get_docstring(node) or "").partition("\n")
    return ":" in first


def test_no_property_begins_with_a_type():
    found = [
        f"{path.relative_to(SOURCE)}: {node.name}"
        for path in SOURCE.rglob("*.py")
        for node in properties(ast.parse(path.read_text(encoding="utf-8")))
        if names_a_type(node)
    ]
    assert not found, found


@pytest.mark.parametrize(("text", "named"), [("Losses: none here.", True), ("The losses.", False)])
def test_a_type_is_found(text, named):
    tree = ast.parse(f'class C:\n    @property\n    def losses(self):\n        """{text}"""')
    assert [names_a_type(node) for node in properties(tree)] == [named]
