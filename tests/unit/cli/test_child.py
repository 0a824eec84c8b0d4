from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unjam.cli import child
from unjam.errors import UsageError

WRAPPER = """
import os, sys
from unjam.cli import child
from unjam.errors import UsageError
try:
    code = child.run(child.resolve(sys.argv[1:], os.environ), os.environ).code
except UsageError as error:
    sys.exit(str(error))
print("ended", code, file=sys.stderr, flush=True)
sys.exit(child.end_like(code))
"""

ECHO_SIGNALS = """
import os, signal, sys
names = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT"]
signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in names])
print("ready", os.getpid(), flush=True)
for _ in range(int(sys.argv[1])):
    print(signal.Signals(signal.sigwait([getattr(signal, name) for name in names])).name, flush=True)
"""


def start(*command: str, **kwargs) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRAPPER, *command]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)


def ended(*command: str, **kwargs) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", WRAPPER, *command]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, **kwargs)


@pytest.mark.parametrize("code", [0, 1, 2, 127, 255])
def test_exit_code(code):
    """The exit code is the child's."""
    assert ended(sys.executable, "-c", f"raise SystemExit({code})").returncode == code


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL", "SIGSEGV", "SIGABRT"])
def test_death_by_signal(name):
    """Who is killed by a signal is seen to be killed by that signal."""
    number = getattr(signal, name)
    done = ended("/bin/sh", "-c", f"kill -{int(number)} $$")
    assert (done.returncode, done.stderr) == (-number, f"ended {-number}\n")


def test_standard_input_and_output_are_the_childs():
    """What is piped in is read by the child, byte by byte, and its output is its own."""
    done = ended(sys.executable, "-c", "import sys; sys.stdout.write(sys.stdin.read()[::-1])", input="abc")
    assert (done.stdout, done.returncode) == ("cba", 0)


def test_signals_sent_to_us_reach_the_child_once():
    """kill(1) at us means the child, whichever signal it is."""
    names = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"]
    with start(sys.executable, "-c", ECHO_SIGNALS, str(len(names))) as wrapper:
        assert wrapper.stdout.readline().startswith("ready")
        for name in names:
            wrapper.send_signal(getattr(signal, name))
            assert wrapper.stdout.readline() == f"{name}\n"
        assert wrapper.wait(timeout=60) == 0


def test_the_child_starts_with_the_signals_it_would_have_had():
    """Nothing that we block or ignore is handed down; what lies beyond signal 31 is the C library's own."""
    command = ["/bin/sh", "-c", "cat /proc/self/status"]

    def masks(text: str) -> list[tuple[str, int]]:
        lines = [line.split() for line in text.splitlines() if line.startswith(("SigBlk", "SigIgn"))]
        return [(name, int(mask, 16) & 0x7FFFFFFF) for name, mask in lines]

    plain = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert masks(ended(*command).stdout) == masks(plain.stdout)


def test_environment_and_working_directory(tmp_path, monkeypatch):
    """The child is where we are, with what it is given."""
    monkeypatch.setenv("GREETING", "hallo")
    done = ended("/bin/sh", "-c", "echo $GREETING; pwd", cwd=tmp_path)
    assert done.stdout.split() == ["hallo", str(tmp_path)]


def test_ctrl_c_of_a_terminal_reaches_the_child_once():
    """The terminal tells the whole foreground group, so we must not tell the child again."""
    code = (
        "import signal, sys, time; n = []; signal.signal(signal.SIGINT, lambda *_: n.append(1)); print('ready', flush=True)\n"
        "while not n: time.sleep(0.01)\n"
        "end = time.monotonic() + 0.5\n"
        "while time.monotonic() < end: time.sleep(0.01)\n"
        "print('count', len(n), flush=True)"
    )
    output, status = in_terminal([sys.executable, "-c", WRAPPER, sys.executable, "-c", code], {"ready": b"\x03"})
    assert "count 1" in output
    assert os.waitstatus_to_exitcode(status) == 0


def test_ctrl_z_stops_us_with_the_child_and_fg_goes_on():
    """A shell sees its job stopped, and its fg brings both back."""
    code = "print('ready', flush=True); input(); print('again', flush=True)"
    script = f"""
set -m
{sys.executable} -c "$WRAPPER" {sys.executable} -c "$CODE"
echo stopped $?
fg >/dev/null
echo back $?
"""
    env = {**os.environ, "WRAPPER": WRAPPER, "CODE": code}
    output, _ = in_terminal(["/bin/bash", "-c", script], {"ready": b"\x1a", "stopped 148": b"\n"}, env)
    assert "again" in output
    assert "back 0" in output


def in_terminal(command: list[str], answers: dict[str, bytes], env: dict[str, str] | None = None) -> tuple[str, int]:
    """Run a command in a terminal of its own; type each answer once its key has been shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, env or dict(os.environ))
    shown, deadline, waiting = "", time.monotonic() + 60, dict(answers)
    try:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:
                    break
                if not data:
                    break
                shown += data.decode()
            for key in [key for key in waiting if key in shown]:
                os.write(terminal, waiting.pop(key))
        else:
            os.kill(pid, signal.SIGKILL)
        return shown, os.waitpid(pid, 0)[1]
    finally:
        os.close(terminal)


def test_a_child_that_is_stopped_by_somebody_is_waited_for():
    """SIGSTOP for the child alone stops the child alone, and its SIGCONT lets it go on to its end."""
    with start(sys.executable, "-c", ECHO_SIGNALS, "1") as wrapper:
        pid = int(wrapper.stdout.readline().split()[1])
        os.kill(pid, signal.SIGSTOP)
        wait_for_state(pid, "T")
        assert state(wrapper.pid) != "T"
        os.kill(pid, signal.SIGCONT)
        assert wrapper.wait(timeout=60) == 0


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_for_state(pid: int, wanted: str) -> None:
    deadline = time.monotonic() + 60
    while state(pid) != wanted:
        assert time.monotonic() < deadline, f"{pid} is {state(pid)}, not {wanted}"
        time.sleep(0.01)


def test_a_script_without_a_first_line_is_run_by_the_shell(tmp_path):
    """As every shell and execvp do."""
    script = tmp_path / "start"
    script.write_text("echo started $1\n")
    script.chmod(0o755)
    assert ended(str(script), "x").stdout == "started x\n"


def test_resolve(tmp_path, monkeypatch):
    """A program is looked for on PATH; modules, code and plain scripts get the Python there."""
    monkeypatch.chdir(tmp_path)
    for name in ("python", "tool"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    Path("plain.py").write_text("")
    environ = {"PATH": str(tmp_path)}
    python, tool = str(tmp_path / "python"), str(tmp_path / "tool")
    assert child.resolve(["tool", "-x"], environ) == [tool, "-x"]
    assert child.resolve(["./tool"], environ) == ["./tool"]
    assert child.resolve(["plain.py", "-x"], environ) == [python, "plain.py", "-x"]
    assert child.resolve(["-m", "pkg", "-x"], environ) == [python, "-m", "pkg", "-x"]
    assert child.resolve(["-c", "pass"], environ) == [python, "-c", "pass"]
    assert child.python("") == sys.executable


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "command not found"),
        ("./folder", "it is a folder"),
        ("./data", "it is not executable"),
    ],
)
def test_what_cannot_be_run_is_refused(name, reason, tmp_path, monkeypatch):
    """One sentence says what is wrong with the command."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("data").write_text("x")
    with pytest.raises(UsageError, match=reason):
        child.resolve([name], os.environ)


def test_what_the_kernel_refuses_is_one_sentence(tmp_path):
    """An interpreter that is not there is found out when it is started."""
    script = tmp_path / "start"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    done = ended(str(script))
    assert (done.returncode, done.stderr) == (1, f"cannot run {script}: No such file or directory\n")


def test_where_senders_cannot_be_told_apart_ctrl_c_is_left_to_the_terminal():
    """The way of macOS and Windows: TERM is sent on, INT is not, the exit code passes."""
    code = ECHO_SIGNALS + "raise SystemExit(3)"
    plain = WRAPPER.replace("child.run(", "child._plain(")
    words = [sys.executable, "-c", plain, sys.executable, "-c", code, "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as wrapper:
        assert wrapper.stdout.readline().startswith("ready")
        wait_for_handler(wrapper.pid, signal.SIGTERM)
        wrapper.send_signal(signal.SIGINT)
        wrapper.send_signal(signal.SIGTERM)
        assert wrapper.stdout.readline() == "SIGTERM\n"
        assert wrapper.wait(timeout=60) == 3


def wait_for_handler(pid: int, number: int) -> None:
    deadline = time.monotonic() + 60
    while not int(re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())[1], 16) >> (number - 1) & 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
