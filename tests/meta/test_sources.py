"""Size and shape of the sources, so that no module eats the project."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "src" / "unjam").rglob("*.py"))
WITHIN = ("_bootstrap", "bridge", "control", "integrations", "native", "probes")
"""Folders of what meets objects of the program inside its process."""

MOST_LINES = 600
MOST_LINES_OF_A_FUNCTION = 60


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.fixture(params=MODULES, ids=relative)
def module(request):
    return request.param


def test_a_module_says_why_it_exists(module):
    """Every module has a docstring."""
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_a_module_fits_in_a_head(module):
    """No module is over 600 lines."""
    assert len(module.read_text().splitlines()) <= MOST_LINES


def test_a_function_fits_on_a_screen(module):
    """No function is over 60 lines."""
    functions = [
        node
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    too_long = [node.name for node in functions if node.end_lineno - node.lineno >= MOST_LINES_OF_A_FUNCTION]
    assert too_long == []


def test_nothing_is_left_open(module):
    """No marks of unfinished work in what ships."""
    marks = ("TODO", "FIXME", "XXX")
    assert [mark for mark in marks if mark in module.read_text()] == []


@pytest.mark.parametrize(
    "source", [each for each in MODULES if each.relative_to(ROOT / "src" / "unjam").parts[0] in WITHIN], ids=relative
)
def test_types_are_told_apart_by_identity(source):
    """`type(x) in {...}` and `type(x) == y` ask the metaclass, which may be the program's: `is`, or the ids of types."""
    compared = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Compare)]
    asking = [
        node.lineno
        for node in compared
        if isinstance(node.left, ast.Call)
        and ast.unparse(node.left.func) == "type"
        and not all(isinstance(each, ast.Is | ast.IsNot) for each in node.ops)
    ]
    assert asking == []


@pytest.mark.parametrize("source", sorted((ROOT / "src" / "unjam" / "native").glob("*.c")), ids=relative)
def test_a_constant_is_returned_with_a_reference(source):
    """Py_RETURN_TRUE and its like give none in the headers of 3.12 and 3.13, whatever the limited API says.

    A core that was built there runs on 3.11 as well, where the constants are counted: after some hundred loops False is freed.
    """
    assert "Py_RETURN_" not in source.read_text()
