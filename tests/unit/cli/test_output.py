from __future__ import annotations

import io
import os

import pytest

from unjam.cli import output
from unjam.errors import UsageError


class Stream(io.TextIOWrapper):
    def __init__(self, *, terminal: bool = False, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "environ", "wanted"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"TERM": "xterm"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "0"}, False),
        (False, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colored(terminal, environ, wanted):
    """NO_COLOR wins over FORCE_COLOR, that over the terminal, and a dumb terminal has no colours."""
    assert output.colored(Stream(terminal=terminal), environ) is wanted


@pytest.mark.parametrize(("columns", "page"), [("100", 100), ("10", 40), ("300", 120), ("", 80)])
def test_columns_of_a_pipe(columns, page, monkeypatch):
    """COLUMNS counts where there is no terminal, within what can be read."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((80, 24)))
    assert output.columns(Stream()) == page


def test_show_writes_what_the_encoding_lacks_as_escapes():
    """A terminal without Unicode gets the report all the same."""
    stream = Stream(encoding="ascii")
    output.show("größe\n", stream)
    assert stream.buffer.getvalue() == b"gr\\xf6\\xdfe\n"


@pytest.mark.parametrize("name", ["missing/report.json", ".", "file/report.json", "/dev/null/report.json"])
def test_what_cannot_be_written_is_refused_before_the_program_runs(name, tmp_path, monkeypatch):
    """A report that could not be saved is known at the start."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UsageError, match="cannot write"):
        output.check_writable(name)


def test_checking_keeps_the_content(tmp_path):
    """A file that will be written keeps its old content until then."""
    file = tmp_path / "report.json"
    file.write_text("old")
    output.check_writable(str(file))
    assert file.read_text() == "old"
    output.check_writable(str(tmp_path / "new.json"))
    assert list(tmp_path.iterdir()) == [file]
    output.save("new", str(file))
    assert file.read_text() == "new"


def test_save_that_fails_is_one_sentence(tmp_path):
    """A disk that is full says so."""
    with pytest.raises(UsageError, match="cannot write /dev/full: No space left on device"):
        output.save("x" * 100_000, "/dev/full")
