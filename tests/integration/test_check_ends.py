"""Laws of the end of `unjam check`: whatever ends it, the type checker ends too and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

DEADLINE_S = 60
PATIENT = """\
#!/bin/sh
[ "$1" = --version ] && echo pyrefly 1.4.1 && exit
echo "$$ $(pwd)" > {told}.part; mv {told}.part {told}
exec sleep 600
"""
"""A type checker that never comes to an end; it tells its process and the folder that it works in."""


def until(what):
    end = time.monotonic() + DEADLINE_S
    while not (found := what()):
        assert time.monotonic() < end, what
        time.sleep(0.01)
    return found


def is_running(pid):
    """Whether a process is there and no zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def checking(tmp_path):
    """A check that waits for a patient type checker: its process, and the type checker's pid and folder."""
    told = tmp_path / "told"
    patient = tmp_path / "pyrefly"
    patient.write_text(PATIENT.format(told=told))
    patient.chmod(0o700)
    (tmp_path / "app.py").write_text("async def f(): ...\n")
    program = textwrap.dedent(
        f"""
        import signal, sys
        from pathlib import Path
        from unjam.cli import main
        from unjam.static import checker
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
        checker.program = lambda: {str(patient)!r}
        checker.stubs = lambda cache: {str(tmp_path)!r}
        sys.exit(main(["check", {str(tmp_path / "app.py")!r}, "--no-cache"]))
        """
    )
    environ = os.environ | {"UNJAM_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen([sys.executable, "-c", program], env=environ, stderr=subprocess.PIPE) as process:
        pid, folder = until(lambda: told.exists() and told.read_text().split())
        yield process, int(pid), Path(folder)
        process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGHUP, -signal.SIGHUP),
        (signal.SIGINT, 128 + signal.SIGINT),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_type_checker_ends_with_us(checking, number, code):
    """A signal ends the check with the code that belongs to it; the type checker is gone, and so is its folder."""
    process, pid, folder = checking
    assert is_running(pid)
    process.send_signal(number)
    assert process.wait(DEADLINE_S) == code
    until(lambda: not is_running(pid) and not folder.exists())


def test_ignored_hangup_stays_ignored():
    """Who starts us with nohup wants us to go on: a SIGHUP that was ignored ends nothing."""
    program = (
        "import signal; from unjam.cli.ending import cleaned_up; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with cleaned_up(): signal.raise_signal(signal.SIGHUP)\nprint('went on')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "went on\n")
