from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from unjam import __version__, cli
from unjam.cli import explain


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unjam", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_help_lists_every_command_with_its_sentence(capsys):
    """`unjam --help` says what there is."""
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in cli.COMMANDS:
        sentence = importlib.import_module(f"unjam.cli.{name}").__doc__.partition("\n")[0]
        assert f"  {name:<10} {sentence}\n" in shown
        assert len(sentence) < 90


def test_no_command_is_wrong_usage(capsys):
    """Without a word the help comes, and the exit code says that nothing was done."""
    assert cli.main([]) == 2
    assert "usage: unjam COMMAND" in capsys.readouterr().out


def test_version(capsys):
    """`unjam --version` is one line."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"unjam {__version__}\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["explian"], "no command 'explian', did you mean explain?"),
        (["\x1b[2J"], "no command '\\x1b[2J'"),
        (["explain", "--wrong"], "unrecognized arguments: --wrong"),
        (["explain", "UJ999"], "no rule 'UJ999'"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(words, text, capsys):
    """No usage page, no traceback: one line that names the word and what was meant."""
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("unjam: ")
    assert text in err


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_a_command_is_its_docstring(name, capsys):
    """Every command explains itself."""
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    assert importlib.import_module(f"unjam.cli.{name}").__doc__.strip() in capsys.readouterr().out


def test_our_own_fault_is_one_line(monkeypatch, capsys):
    """A bug of ours is told in one line with exit code 2; UNJAM_DEBUG=1 shows where it is."""

    def broken(_):
        raise ZeroDivisionError("broken\x1b[2J")

    monkeypatch.setattr(explain, "run", broken)
    assert cli.main(["explain"]) == 2
    assert capsys.readouterr().err == (
        "unjam: ZeroDivisionError: broken\\x1b[2J (this is a fault of unjam; UNJAM_DEBUG=1 shows where)\n"
    )
    monkeypatch.setenv("UNJAM_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["explain"])


def test_broken_pipe_is_quiet():
    """A reader that goes away is no fault: no message, and the exit code a shell gives."""
    command = f"{sys.executable} -m unjam explain; echo code $? >&2"
    ended = subprocess.run(
        ["/bin/sh", "-c", f"({command}) | true"], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stderr in {"code 141\n", "code 0\n"}


def test_closed_standard_streams():
    """A service manager may close them: nothing breaks."""
    for closing, word, code in (("2>&-", "nonsense", 2), (">&-", "--version", 0), ("<&- >&- 2>&-", "explain", 0)):
        command = f"exec {sys.executable} -m unjam {word} {closing}"
        assert subprocess.run(["/bin/sh", "-c", command], timeout=60, check=False).returncode == code


def test_help_needs_no_rich():
    """`unjam --help` is fast: it imports neither what draws reports nor what the commands need."""
    code = "import sys; from unjam.cli import main; main(['--help']); sys.exit(bool({'rich', 'unjam.cli.run'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False).returncode == 0


def test_module_and_exit_code():
    """`python -m unjam` is the same program."""
    assert run("--version").stdout == f"unjam {__version__}\n"
    assert run("nonsense").returncode == 2
