"""Parsing in pieces gives the tree of the whole."""

import argparse
import ast
import asyncio.base_events
import gc
import typing
from pathlib import Path

import pytest

from unjam.diagnosis import parsing
from unjam.diagnosis.parsing import PIECE_LINES, Parsed, parsed, pieces
from unjam.diagnosis.source import Sources
from unjam.model.stacks import Frame

FUNCTIONS = [line for number in range(2 * PIECE_LINES) for line in (f"def f{number}():", "    return 1", "")]


def same(lines):
    whole = ast.parse("\n".join(lines))
    assert ast.dump(parsed(lines), include_attributes=True) == ast.dump(whole, include_attributes=True)


@pytest.mark.parametrize("module", [argparse, asyncio.base_events, typing])
def test_the_tree_is_that_of_the_whole_file(module):
    """Every node of a real module is there, at its place."""
    same(Path(module.__file__).read_text().split("\n"))


QUOTED = {
    "in three quotes": ["x = '''", *FUNCTIONS, "'''"],
    "that holds a mark of its own kind": ["x = '''\\'''", *FUNCTIONS, "'''"],
    "that goes on behind a backslash": ["x = '\\", *(f"{line}\\" for line in FUNCTIONS), "'"],
}


@pytest.mark.parametrize("where", QUOTED)
def test_a_cut_in_a_string_is_no_cut(where):
    """What looks like a statement inside a string makes the file be parsed as one."""
    same(QUOTED[where])


def test_pieces_are_short():
    """A file of functions is cut soon after each length of a piece."""
    assert max(piece.strip("\n").count("\n") for piece in pieces(FUNCTIONS)) < PIECE_LINES + 3


def test_what_is_no_python_is_refused():
    """A syntax error is one, wherever it is cut."""
    with pytest.raises(SyntaxError):
        parsed([*FUNCTIONS, "def"])


@pytest.mark.parametrize("enabled", [True, False])
def test_collections_are_as_they_were(enabled, monkeypatch):
    """Where no collection may begin while a tree is made, they go on afterwards, if they did before."""
    seen = []
    monkeypatch.setattr(parsing, "_COUNTS_DEPTH_TOGETHER", True)
    monkeypatch.setattr(ast, "parse", lambda _: seen.append(gc.isenabled()) or ast.Module([], []))
    (gc.enable if enabled else gc.disable)()
    try:
        parsed(["pass"])
        assert (seen, gc.isenabled()) == ([False], enabled)
    finally:
        gc.enable()


def test_only_the_piece_that_is_asked_for_is_parsed(monkeypatch):
    """One statement of a long file, or what one name means in it, does not cost the parsing of all of it."""
    texts, parse = [], parsing._tree
    monkeypatch.setattr(parsing, "_tree", lambda text: texts.append(text) or parse(text))
    parsed = Parsed(["import time", "", *FUNCTIONS])
    (function,) = parsed.at(len(FUNCTIONS))
    assert (function.name, len(texts)) == (f"f{2 * PIECE_LINES - 1}", 1)
    assert [each[0].names[0].name for each in parsed.naming("time")] == ["time"]
    assert len(texts) == 2


@pytest.mark.parametrize("where", QUOTED)
def test_a_file_that_was_cut_wrongly_is_read_as_one(where):
    """A cut that no quotes tell of is noticed where its piece is parsed, and what was asked is answered all the same."""
    text = (*QUOTED[where], "import time", "time.sleep(1)")
    frame = Frame("x.py", len(text), "<module>", 0, len(text), 13)
    assert Sources(lambda _: text).instruction(frame).name == "time.sleep"
