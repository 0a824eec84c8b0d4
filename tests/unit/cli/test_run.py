from __future__ import annotations

import argparse

import pytest

from unjam.cli import run
from unjam.cli.parser import Parser
from unjam.errors import RecordingError, UsageError


def parsed(*words: str) -> argparse.Namespace:
    parser = Parser(prog="unjam run")
    run.add_arguments(parser)
    return parser.parse_args(list(words))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["uvicorn", "app:app"], "uvicorn"),
        (["/usr/bin/gunicorn"], "gunicorn"),
        (["python", "dir/main.py", "x"], "main.py"),
        (["python3.12", "-m", "pkg.cli", "-v"], "pkg.cli"),
        (["python", "-X", "dev", "-u", "main.py"], "main.py"),
        (["python", "-c", "pass"], "python"),
        (["python", "-"], "python"),
        (["python"], "python"),
        (["-m", "pkg"], "pkg"),
        (["-c", "pass"], "python"),
    ],
)
def test_a_recording_is_named_after_what_people_call_the_program(words, name):
    """Not after the interpreter, where that can be told."""
    assert run.program_name(words) == name


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["--", "tool", "--json", "x"], ["tool", "--json", "x"]),
        (["tool", "--json", "x"], ["tool", "--json", "x"]),
        (["--json", "--", "tool"], ["tool"]),
        (["--quiet", "--", "tool", "--", "x"], ["tool", "--", "x"]),
        (["--quiet", "-m", "pkg", "--quiet"], ["-m", "pkg", "--quiet"]),
        (["-c", "pass", "-m"], ["-c", "pass", "-m"]),
        (["--", "-m", "pkg"], ["-m", "pkg"]),
    ],
)
def test_the_command_begins_where_our_options_end(words, command):
    """What follows is the program's, even where it looks like ours."""
    assert run._command(parsed(*words)) == command


@pytest.mark.parametrize("words", [[], ["--"], ["--", ""], ["-m"], ["-c"]])
def test_no_command_is_refused(words):
    """There is nothing to run."""
    with pytest.raises(UsageError, match="no command to run"):
        run._command(parsed(*words))


def test_an_option_wins_over_the_environment(monkeypatch, tmp_path):
    """UNJAM_* are for those who cannot change the command line."""
    monkeypatch.setenv("UNJAM_THRESHOLD", "20ms")
    monkeypatch.setenv("UNJAM_TIER", "python")
    assert run._settings(parsed("--", "x")).threshold_ns == 20_000_000
    settings = run._settings(parsed("--threshold", "1s", "--src", str(tmp_path), "--live", "--", "x"))
    assert (settings.threshold_ns, settings.src, settings.live, settings.tier) == (
        1_000_000_000, (str(tmp_path),), True, "python",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (ZeroDivisionError("broken"), "unjam: ZeroDivisionError: broken"),
        (RecordingError("it cannot be read"), "unjam: it cannot be read\n"),
        (
            KeyboardInterrupt(),
            "unjam: interrupted before the report was complete: unjam report folder shows it\n",
        ),
        (BrokenPipeError(), ""),
    ],
)
@pytest.mark.parametrize("codes", [frozenset(), frozenset({"UJ101"})])
def test_a_report_that_fails_leaves_the_exit_code_alone(fault, line, codes, monkeypatch, capsys):
    """The program has done its work; only a gate that could not look stays shut."""

    def broken(folder, _):
        raise fault

    monkeypatch.setattr(run, "_session", broken)
    monkeypatch.setattr(run, "drop_stdout", lambda: None)
    assert run._after(parsed("--", "x"), codes, "x", "folder", 0) == (2 if codes else 0)
    assert capsys.readouterr().err.startswith(line)


def test_processes_that_have_ended_are_not_waited_for(monkeypatch):
    """The report comes at once where everybody is done."""
    monkeypatch.setattr(run.recordings, "writers", lambda _: [])
    monkeypatch.setattr(run.time, "sleep", pytest.fail)
    assert run._settle("folder") == []


def test_processes_that_live_on_are_waited_for_briefly_and_named(monkeypatch):
    """A daemon does not hold up the report for ever."""
    clock = [0.0]
    monkeypatch.setattr(run.recordings, "writers", lambda _: [77])
    monkeypatch.setattr(run.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(run.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    assert run._settle("folder") == [77]
    assert clock[0] == pytest.approx(run.SETTLE_S, abs=2 * run.POLL_S)
