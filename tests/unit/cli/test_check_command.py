from __future__ import annotations

import subprocess
import sys

import pytest

from unjam import cli

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core

SLEEPS = "import time\n\n\nasync def handler():\n    time.sleep(1)\n"


@pytest.fixture
def root(tmp_path, monkeypatch, tmp_path_factory):
    """A project with one fault, and a cache of its own."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "app.py").write_text(SLEEPS)
    monkeypatch.setenv("UNJAM_CACHE", str(tmp_path_factory.getbasetemp().parent / "unjam-cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_exit_code_says_whether_something_was_found(root, capsys):
    """1 where there are findings, 0 where they are not selected or the user said so."""
    assert cli.main(["check", "--output-format", "concise"]) == 1
    assert capsys.readouterr().out.startswith("app.py:5:5: UJ101 error: time.sleep blocks the event loop")
    assert cli.main(["check", "--ignore", "UJ1"]) == 0
    assert cli.main(["check", "--exit-zero"]) == 0


def test_baseline_hides_what_was_there_and_shows_what_is_new(root, capsys):
    """A baseline adopted on an old code base lets only new faults fail."""
    assert cli.main(["check", "--baseline", "known.json", "--update-baseline"]) == 0
    assert cli.main(["check", "--baseline", "known.json"]) == 0
    (root / "app.py").write_text("# moved\n" + SLEEPS + "\n\nasync def other():\n    time.sleep(2)\n")
    capsys.readouterr()
    assert cli.main(["check", "--baseline", "known.json", "--output-format", "concise"]) == 1
    assert "1 finding; 1 in the baseline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "gone"], "gone: no such file or folder"),
        (["check", "--baseline", "gone.json"], "--update-baseline writes it"),
        (["check", "--update-baseline"], "needs --baseline FILE"),
        (["check", "--select", "UJ9999"], "no rule 'UJ9999'"),
        (["check", "empty"], "no Python file in empty"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(root, words, said, capsys):
    """What cannot be done is said in one line that names the way out."""
    (root / "empty").mkdir()
    assert cli.main(words) == 2
    assert said in capsys.readouterr().err


def test_nothing_could_be_checked_is_exit_code_2(root):
    """A project in which no file can be read is not clean."""
    (root / "app.py").write_text("async def f(:\n")
    assert cli.main(["check"]) == 2


def test_file_that_was_checked_in_part_is_no_reason_for_exit_code_2(root, monkeypatch, capsys):
    """What was found in the rest of the only file is told, and the file is listed."""

    def fails(*_arguments):
        raise IndexError("list index out of range")

    monkeypatch.setattr("unjam.static.entries.Entries._mains", fails)
    assert cli.main(["check", "--no-cache", "--output-format", "concise"]) == 1
    said = capsys.readouterr().out
    assert "UJ101" in said
    assert "checking a part of it failed" in said


def test_without_the_extra_it_says_what_to_install(root, monkeypatch, capsys):
    """Who has installed unjam without the type checker is told the one command that brings it."""
    monkeypatch.setattr(sys, "executable", str(root / "python"))
    monkeypatch.setenv("PATH", str(root))
    assert cli.main(["check", "--no-cache"]) == 2
    assert "pip install 'unjam[check]'" in capsys.readouterr().err


def test_statistics_count_by_rule(root, capsys):
    """--statistics adds one line a rule, with its count and cause."""
    (root / "app.py").write_text("import fcntl\n" + SLEEPS + "    time.sleep(2)\n    fcntl.flock(3, fcntl.LOCK_EX)\n")
    assert cli.main(["check", "--statistics"]) == 1
    table = [line.split() for line in capsys.readouterr().out.splitlines() if line[:1].isdigit()]
    assert [["2", "UJ101", "sleep"], ["1", "UJ102", "file"]] == [row for row in table if row[1].startswith("UJ")]


def test_file_that_cannot_be_read_is_no_reason_for_exit_code_2(root, capsys):
    """The rest was checked: the findings decide, and the summary names the file."""
    (root / "broken.py").write_text("async def f(:\n")
    assert cli.main(["check"]) == 1
    assert "skipped broken.py: cannot be parsed" in capsys.readouterr().out


def test_per_file_ignores_leave_other_files(root, capsys):
    """What is ignored in one file still counts in the others."""
    (root / "pyproject.toml").write_text('[tool.unjam.per-file-ignores]\n"app.py" = ["UJ101"]\n')
    assert cli.main(["check"]) == 0
    (root / "more.py").write_text(SLEEPS)
    assert cli.main(["check"]) == 1


UNCHANGED = """
import sys
from unjam import cli
code = cli.main(["check", "--output-format", "concise"])
print(code, *sorted({"rich", "difflib", "unjam.static.analysis"} & set(sys.modules)))
"""


CHANGED = """
import sys
from unjam import cli
from unjam.static.checker import Run
start = Run.__init__
def started(self, request):
    print("started", "unjam.static.analysis" in sys.modules)
    start(self, request)
Run.__init__ = started
cli.main(["check", "--output-format", "concise"])
print("ended", "unjam.static.analysis" in sys.modules)
"""


def test_the_type_checker_works_while_what_analyses_is_loaded(root):
    """Of a changed project the type checker is started before the modules are imported that read what it prints."""
    checked = subprocess.run([sys.executable, "-c", CHANGED], capture_output=True, text=True, check=True, timeout=60)
    told = [line for line in checked.stdout.splitlines() if line.startswith(("started", "ended"))]
    assert ["started False", "ended True"] == told[-2:]


def test_an_unchanged_project_is_answered_with_few_imports(root, capsys):
    """Imports are most of what an answer from the cache costs: what analyses and what prints pages are not among them."""
    assert cli.main(["check"]) == 1
    again = subprocess.run([sys.executable, "-c", UNCHANGED], capture_output=True, text=True, check=True, timeout=60)
    assert again.stdout.splitlines()[-1] == "1"
