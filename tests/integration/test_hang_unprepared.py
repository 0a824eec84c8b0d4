"""Processes that were not prepared: read from outside by the first way that works, which is named, as is what it cannot see."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "hangs"))

from hangs import HERE, PATIENCE_S
from unjam.control import outside
from unjam.control.outside import read_from_outside, rights
from unjam.errors import NotAvailable

PROGRAM = HERE / "programs" / "lock_over_await.py"


@pytest.fixture
def unprepared():
    """A hung program without unjam."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UNJAM")}
    source = f"import signal, runpy; signal.alarm(90); print('now', flush=True); runpy.run_path({str(PROGRAM)!r})"
    with subprocess.Popen([sys.executable, "-c", source], env=environment, stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"now\n"  # Before that there is no interpreter that could be read.
        yield child
        child.kill()


def own_lines(graph):
    return {Path(file).name for stack in graph.stacks for file, _, _ in stack}


def can_be_read(pid):
    try:
        read_from_outside(pid)
    except NotAvailable as error:
        return str(error)
    return ""


@pytest.mark.skipif(bool(reason := can_be_read(os.getpid())), reason=f"nothing reads processes here: {reason}")
def test_an_unprepared_process_shows_its_threads(unprepared):
    """The user's line is there, nothing is proved, and what cannot be seen is said."""
    end = time.monotonic() + PATIENCE_S
    graph, route = read_from_outside(unprepared.pid)
    while PROGRAM.name not in own_lines(graph) and time.monotonic() < end:
        time.sleep(0.1)
        graph, route = read_from_outside(unprepared.pid)
    assert PROGRAM.name in own_lines(graph)
    assert route.startswith("read by")
    assert any("locks" in reason for reason in graph.not_observed)
    said = subprocess.run(
        [sys.executable, "-m", "unjam", "hang", str(unprepared.pid)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (said.returncode, "cannot be told from outside" in said.stdout) == (0, True), said
    assert unprepared.poll() is None


def test_without_any_way_every_reason_is_named(unprepared, monkeypatch):
    """No traceback: one line with the reasons and the way out."""
    monkeypatch.setattr(outside.shutil, "which", lambda _: None)
    monkeypatch.setattr(outside.sysconfig, "get_path", lambda _: "/nowhere")
    monkeypatch.setattr(outside, "SCRIPT", "import sys; sys.exit(4)")
    with pytest.raises(NotAvailable) as error:
        read_from_outside(unprepared.pid)
    assert "needs Python 3.14" in str(error.value)
    assert "unjam[attach]" in str(error.value)
    assert "unjam run" in str(error.value)


def test_a_program_that_is_no_python_is_said_so(monkeypatch):
    """What is not a Python is not read."""
    child = subprocess.Popen(["sleep", "60"])
    with pytest.raises(NotAvailable, match="is not a Python interpreter"):
        read_from_outside(child.pid)
    child.kill()
    child.wait()


def test_another_python_is_named_and_not_tried(tmp_path, monkeypatch):
    """PyPy has other frames in its memory: that is said at once, and no program is started to read them."""
    program = tmp_path / "pypy3.10"
    shutil.copy(shutil.which("sleep"), program)
    monkeypatch.setattr(outside, "_run", lambda _: pytest.fail("something was run"))
    child = subprocess.Popen([program, "60"])
    try:
        with pytest.raises(NotAvailable, match=f"process {child.pid} runs PyPy, not CPython"):
            read_from_outside(child.pid)
    finally:
        child.kill()
        child.wait()


def test_an_unknown_version_is_one_line(unprepared, monkeypatch):
    """An interpreter that no reader knows: their own reasons are given in one line."""
    monkeypatch.setattr(outside, "SCRIPT", "raise SystemExit('unknown version 9.9')")
    monkeypatch.setattr(outside.sysconfig, "get_path", lambda _: "/nowhere")
    monkeypatch.setattr(outside.shutil, "which", lambda _: None)
    with pytest.raises(NotAvailable) as error:
        read_from_outside(unprepared.pid)
    assert ("unknown version 9.9" in str(error.value), "\n" in str(error.value)) == (True, False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
def test_the_program_of_another_user_is_never_run(tmp_path):
    """Root asks a process whose interpreter its user could have made: it is not run, whatever its name."""
    folder = tempfile.TemporaryDirectory(prefix="uj-")
    program = Path(folder.name, "python3.14")
    shutil.copy(shutil.which("sleep"), program)
    os.chown(folder.name, 12345, 12345)
    child = subprocess.Popen([program, "60"], user=12345, group=12345, extra_groups=[])
    try:
        with pytest.raises(NotAvailable, match="could be put there by another user"):
            outside._by_stdlib(child.pid)
    finally:
        child.kill()
        child.wait()
        folder.cleanup()


def test_missing_rights_are_named(monkeypatch, tmp_path):
    """Another user, a container without the capability, Yama: each by its name with the way out."""
    monkeypatch.setattr(outside.os, "geteuid", lambda: os.stat("/proc/self").st_uid + 1)
    assert "belongs to user" in rights(os.getpid())
    monkeypatch.setattr(outside.os, "geteuid", lambda: 0)
    monkeypatch.setattr(outside, "_has_ptrace", lambda: False)
    assert "SYS_PTRACE" in rights(os.getpid())
