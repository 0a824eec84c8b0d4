"""What the first line of a recording says of its process."""

import sys

import pytest

from unjam.recording import header


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["python", "dir/main.py", "-c"], "main.py"),
        (["python", "-u", "-X", "dev", "main.py"], "main.py"),
        (["python", "-m", "pkg.cli", "-v"], "pkg.cli"),
        (["python", "-um", "pkg.cli"], "pkg.cli"),
        (["python", "-c", "pass"], "-c"),
        (["python", "-Ic", "pass"], "-c"),
        (["python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main()", "x"], "multiprocessing.spawn"),
        (["python", "--check-hash-based-pycs", "never", "main.py"], "main.py"),
    ],
)
def test_a_process_is_named_after_what_it_runs(monkeypatch, words, name):
    """The script, the module, or "-c": whose code from a string is depends on it, and a worker of a service is given none."""
    monkeypatch.setattr(sys, "orig_argv", words)
    assert header.program_name() == name
