"""Asking programs in unusual surroundings: greenlets, other interpreters, many threads, forks, servers that kill, a GIL that is kept."""

import argparse
import asyncio
import gc
import http.client
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "hangs"))
sys.path.insert(0, str(Path(__file__).parent))

from test_hang_commands import dumps, unjam, until, watched
from test_hang_unprepared import can_be_read

from hangs import HERE, PATIENCE_S, answer, judged, running
from loopback import own_address
from unjam.cli import why
from unjam.control import outside
from unjam.control.address import find_sockets
from unjam.control.client import ask
from unjam.control.snapshots import two_looks
from unjam.probes.waits import Collector

CASES = HERE / "cases"
LOCK_OVER_AWAIT = (HERE / "programs" / "lock_over_await.py").read_text()


def labels(graph, kind):
    return [node.label for node in graph.nodes.values() if node.kind == kind]


def test_two_thousand_threads_are_collected_in_short_slices():
    """Each thread is looked at, and the GIL is given away all the while."""
    with running(CASES / "many_threads.py") as target:
        # Of several looks the one least disturbed counts: what else runs on the machine makes instructions slower.
        graph, found = judged(
            target, lambda graph, _: len(labels(graph, "thread")) > 2000 and graph.longest_slice_ms < 20, PATIENCE_S * 2
        )
        assert len(labels(graph, "thread")) > 2000
        assert (found.findings, found.leads) == ((), ())
        assert graph.longest_slice_ms < 20


def test_under_gevent_our_thread_is_a_real_one():
    """With threads, locks and sleep replaced by green ones the program is answered for, nobody is accused, and greenlets are named."""
    pytest.importorskip("gevent", reason="gevent is not installed")

    def green(graph):
        return [
            reason for reason in graph.not_observed if reason.startswith("greenlets: gevent runs many in one thread")
        ]

    with running(CASES / "greenlets.py") as target:
        graph, found = judged(target, lambda graph, _: green(graph))
        assert (len(green(graph)), labels(graph, "thread")) == (1, ["thread MainThread"]), graph.nodes
        assert (found.findings, found.leads) == ((), ())


def test_each_loop_is_told_by_its_thread():
    """A hung loop is found beside a healthy one; an ended one is forgotten; tasks of any make are seen."""
    eager = {f"task 'eager-{n}' (sleep)" for n in range(3)}
    with running(CASES / "loops.py") as target:
        graph, found = judged(
            target, lambda graph, verdict: bool(verdict.findings) and eager <= set(labels(graph, "task"))
        )
    (finding,) = found.findings
    assert (finding.rule, finding.thread) == ("UJ801", "hung")
    assert sorted(labels(graph, "loop")) == ["the loop of MainThread", "the loop of hung"]
    assert eager <= set(labels(graph, "task"))


def test_another_interpreter_is_left_alone():
    """What runs in another interpreter cannot be seen from this one; where it has memory of its own, no frame is asked for, which could end both."""
    others = sys.version_info >= (3, 12)

    def refused(graph):
        return any("another interpreter" in each for each in graph.not_observed)

    with running(CASES / "subinterpreter.py") as target:
        # A look that began before it made that interpreter has seen threads.
        graph, found = judged(
            target,
            lambda graph, _: (
                refused(graph) and not labels(graph, "thread") if others else len(labels(graph, "thread")) > 1
            ),
        )
        assert (found.findings, found.leads) == ((), ())
    if others:
        assert refused(graph)
        assert labels(graph, "thread") == []
    else:
        assert {"thread MainThread", "thread guest"} <= set(labels(graph, "thread"))


def test_trio_is_not_mistaken_for_asyncio():
    """Its tasks cannot be seen: no loop, no task, no verdict."""
    with running(CASES / "trio_only.py") as target:
        graph, found = judged(target, lambda graph, _: labels(graph, "thread"))
        assert (labels(graph, "task"), found.findings, found.leads) == ([], (), ())


def test_a_program_without_its_source_is_explained(tmp_path):
    """A cycle is read from objects, not from source: it is found when the file is gone."""
    program = tmp_path / "gone.py"
    program.write_text(f"import os; os.unlink(__file__)\n{LOCK_OVER_AWAIT}")
    with running(program) as target:
        _, found = judged(target, lambda _, verdict: bool(verdict.findings))
        assert [each.rule for each in found.findings] == ["UJ801"]
        assert not program.exists()


FORKS = f"""
import os, runpy
if os.fork() == 0:
    runpy.run_path({str(HERE / "programs" / "lock_over_await.py")!r}, run_name="__main__")
os.wait()
"""


def test_a_forked_child_is_explained_as_its_parent_would_be(tmp_path):
    """After a fork a Thread object still bears the kernel's number of the parent's thread: that is not believed."""
    program = tmp_path / "program.py"
    program.write_text(FORKS)
    command = [sys.executable, "-m", "unjam", "run", "--quiet", "--", sys.executable, str(program)]
    run = subprocess.Popen(command, cwd=tmp_path, start_new_session=True)
    try:
        said = until(lambda: (done := unjam("hang", run.pid)).returncode == 1 and done)
        assert said
        assert "UJ801 (exact)" in said.stdout
    finally:
        os.killpg(run.pid, signal.SIGKILL)  # The child is hung, and would outlive its parent.
        run.wait(60)


APP = """
import asyncio, threading
LOCK = threading.Lock()

async def holder():
    with LOCK:
        await asyncio.sleep(80)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    task = asyncio.create_task(holder())
    await asyncio.sleep(0)
    with LOCK:  # here
        await task
"""


def test_the_culprit_is_in_the_log_before_gunicorn_kills_the_worker(tmp_path):
    """With --dump-after below the worker's time-out the cycle is logged and on disk when the worker is killed."""
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    pytest.importorskip("uvicorn.workers", reason="this uvicorn has no worker for gunicorn")
    (tmp_path / "app.py").write_text(APP)
    host, port = own_address()
    server = [sys.executable, "-m", "gunicorn", "-k", "uvicorn.workers.UvicornWorker", "--timeout", "5"]
    server += ["-b", f"{host}:{port}", "--no-control-socket", "app:app"]
    watched_by = [sys.executable, "-m", "unjam", "run", "--quiet", "--dump-after", "500ms", "--"]
    log = tmp_path / "log"
    with log.open("w") as out:
        run = subprocess.Popen([*watched_by, *server], cwd=tmp_path, stdout=out, stderr=out)
    try:
        assert until(lambda: "Application startup complete" in log.read_text()), log.read_text()
        connection = http.client.HTTPConnection(host, port, timeout=0.5)
        connection.request("GET", "/")
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.getresponse()
        assert until(lambda: "WORKER TIMEOUT" in log.read_text()), log.read_text()
    finally:
        run.terminate()
        run.wait(60)
    before, _, _ = log.read_text().partition("WORKER TIMEOUT")
    line = next(number for number, row in enumerate(APP.splitlines(), start=1) if "# here" in row)
    assert f"app.py:{line} in app; UJ801" in before
    assert [event["e"] for event in dumps(tmp_path)] == ["dump"]


GIL_APP = """
import ctypes

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    ctypes.PyDLL(None).usleep(60_000_000)  # here
"""


def test_the_culprit_is_on_disk_before_uvicorn_kills_the_worker(tmp_path):
    """Uvicorn asks a thread of its worker, so it kills only one whose GIL is kept: the stack of that is written without it."""
    if "UNJAM_TEST_FULL" not in os.environ:
        pytest.skip("only with UNJAM_TEST_FULL: three servers start and end, some 15 s")
    uvicorn = pytest.importorskip("uvicorn", reason="uvicorn is not installed")
    if "timeout_worker_healthcheck" not in inspect.signature(uvicorn.Config).parameters:
        pytest.skip("this uvicorn has no time-out for its workers")
    (tmp_path / "app.py").write_text(GIL_APP)
    (host, port), log = own_address(), tmp_path / "log"
    server = [sys.executable, "-m", "uvicorn", "--workers", "2", "--timeout-worker-healthcheck", "2"]
    with log.open("w") as out:
        run = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "unjam",
                "run",
                "--quiet",
                "--",
                *server,
                "--host",
                host,
                "--port",
                str(port),
                "app:app",
            ],
            cwd=tmp_path,
            stdout=out,
            stderr=out,
        )
    try:
        assert until(lambda: log.read_text().count("Application startup complete") == 2), log.read_text()
        connection = http.client.HTTPConnection(host, port, timeout=0.5)
        connection.request("GET", "/")
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.getresponse()
        assert until(lambda: "died" in log.read_text()), log.read_text()
    finally:
        run.terminate()
        run.wait(60)
    line = next(number for number, row in enumerate(GIL_APP.splitlines(), start=1) if "# here" in row)
    assert f"app.py:{line} in app" in unjam("report", next(tmp_path.glob(".unjam/*-*"))).stdout


KEEPS_THE_GIL = """
import asyncio, ctypes

async def main():
    await asyncio.sleep(0.3)
    ctypes.PyDLL(None).usleep(60_000_000)  # here

asyncio.run(main())
"""


def reported(folder):
    """Return the report of what is on disk by now."""
    return unjam("report", next(folder.glob(".unjam/*-*"))).stdout


def test_native_code_that_keeps_the_gil_is_read_from_outside(tmp_path, monkeypatch, capsys):
    """Nothing inside can answer: within the deadline that is said, the stack is shown by another way, and it is on disk."""
    monkeypatch.setattr(why, "ask", lambda pid, question: ask(pid, question, deadline_s=1.0))
    with watched(tmp_path, KEEPS_THE_GIL) as (pid, run, program):
        recorded = until(lambda: f"{program.name}:6 in main" in (said := reported(tmp_path)) and said)
        assert recorded, "the native tier writes a stall without the GIL"
        code = why.run(argparse.Namespace(pid=pid, name=None, json=False))
        said = capsys.readouterr()
        reason = can_be_read(pid)
        os.kill(pid, signal.SIGKILL)
        run.wait(60)
    assert "native code has kept the GIL" in said.err
    if reason:
        pytest.skip(f"nothing reads processes here: {reason}")
    assert code == 0
    assert f"{program.name}:6inmain" in "".join(said.out.split())  # wherever a line was folded


def test_a_zombie_is_one_line():
    """A process that has ended and was not waited for has nothing to tell: no traceback."""
    child = subprocess.Popen(["true"])
    until(lambda: Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    for command in ("hang", "why"):
        done = unjam(command, child.pid)
        assert done.returncode in {2, 3}
        assert (done.stderr.count("\n"), "Traceback" in done.stderr) == (1, False), done.stderr
    child.wait()


def test_a_client_that_goes_in_the_middle_frees_its_place():
    """Ctrl-C of the asking command leaves a process that answers the next one."""
    with running(HERE / "innocent" / "slow_peer.py") as target:
        answer(target, "hello")
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as asking:
                asking.connect(find_sockets(target.pid)[target.pid])
                asking.sendall(b'{"v": 1, "ask": "hang"}\n')
        assert answer(target, "hang")["pid"] == target.pid


def test_looking_leaves_no_trace_in_frames_and_hooks():
    """Locals of running frames are neither kept alive nor written back, and no hook of anybody else is touched."""

    class Thing:
        pass

    seen, go, step = [], threading.Event(), threading.Event()

    def body():
        thing, number = Thing(), 1
        seen.append(weakref.ref(thing))
        step.set()
        go.wait()
        number += 1
        del thing
        seen.append((seen[0](), number))

    hooks = (sys.gettrace(), sys.getprofile(), threading.excepthook, sys.excepthook)
    thread = threading.Thread(target=body)
    thread.start()
    step.wait()
    collector = Collector()
    asking = threading.Thread(target=lambda: two_looks(collector, apart_s=0.0))
    asking.start()
    asking.join()
    go.set()
    thread.join()
    collector.close()
    assert seen[1] == (None, 2)
    assert hooks == (sys.gettrace(), sys.getprofile(), threading.excepthook, sys.excepthook)


HOOKED = """
import asyncio, faulthandler, gc, os, sys, tempfile, threading, time
import unjam
from unjam.control.client import ask

seen = dict.fromkeys(("trace", "profile", "thread trace", "collection", "monitoring"), 0)

def note(kind):
    def hook(*_):
        seen[kind] += 1
    return hook

def called(_code, _offset):
    seen["monitoring"] += 1

trace, profile, collection = note("trace"), note("profile"), note("collection")
sys.settrace(trace)
sys.setprofile(profile)
threading.settrace(note("thread trace"))
gc.callbacks.append(collection)
monitoring = getattr(sys, "monitoring", None)
if monitoring:
    monitoring.use_tool_id(4, "somebody's")
    monitoring.register_callback(4, monitoring.events.PY_START, called)
    monitoring.set_events(4, monitoring.events.PY_START)
timer = tempfile.TemporaryFile()

async def main():
    reply = await asyncio.to_thread(ask, os.getpid(), "hang")
    # The timer reads the frames of all threads without the GIL: where one of them runs just then, CPython may crash by itself.
    faulthandler.dump_traceback_later(0.3, file=timer)
    while not os.fstat(timer.fileno()).st_size:
        time.sleep(1)
    return reply["pid"] == os.getpid()

unjam.install(record=False, log=False, threshold="60s")
answered = asyncio.run(main())
unjam.uninstall()
kept = [sys.gettrace() is trace, sys.getprofile() is profile, collection in gc.callbacks]
seen.update(dict.fromkeys(seen, 0))
thread = threading.Thread(target=len, args=("",))
thread.start()
thread.join()
gc.collect()
if monitoring:
    kept += [monitoring.get_tool(4) == "somebody's", monitoring.get_events(4) == monitoring.events.PY_START]
else:
    del seen["monitoring"]
sys.settrace(None)
sys.setprofile(None)
print(answered, all(kept), [kind for kind, times in seen.items() if not times])
"""


def test_hooks_of_others_are_called_as_before():
    """Tracer, profiler, sys.monitoring, gc callbacks and faulthandler's timer at once: all work while we watch, and after."""
    done = subprocess.run(
        [sys.executable, "-c", HOOKED], capture_output=True, text=True, check=False, timeout=PATIENCE_S * 2
    )
    assert (done.stdout, done.returncode) == ("True True []\n", 0), done.stderr


IN_NAMESPACES = "unshare --pid --fork --kill-child --mount --mount-proc".split()


def no_namespaces():
    try:
        done = subprocess.run([*IN_NAMESPACES, "true"], capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


def test_a_program_in_a_container_is_asked_from_outside(request):
    """In other pid and mount namespaces its socket is reached through /proc, and it is named by the number that was asked for."""
    if reason := no_namespaces():
        pytest.skip(f"no namespaces can be made here: {reason}")
    folder = tempfile.TemporaryDirectory(prefix="uj-")  # short, as a socket's path has to be
    request.addfinalizer(folder.cleanup)
    inside = [sys.executable, str(HERE / "launch.py"), str(HERE / "programs" / "lock_over_await.py"), "60"]
    hidden = ["sh", "-c", 'mount -t tmpfs none "$TMPDIR" && exec "$@"', "sh"]
    container = subprocess.Popen(
        [*IN_NAMESPACES, *hidden, *inside], env=os.environ | {"TMPDIR": folder.name, "XDG_RUNTIME_DIR": ""}
    )
    try:
        children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
        pid = int(until(lambda: children.read_text().split())[0])
        assert until(lambda: find_sockets(pid))
        assert os.listdir(folder.name) == [], "the socket is seen from here, too"
        said = until(lambda: (done := unjam("hang", pid)).returncode == 1 and done)
        assert (f"pid {pid}," in said.stdout, "UJ801 (exact)" in said.stdout) == (True, True), said
        assert outside._inside(pid).startswith("It is process 1 of a container: run `unjam` inside it")
        assert outside._inside(os.getpid()) == ""
    finally:
        container.kill()
        container.wait(60)


def test_looking_again_and_again_leaks_nothing():
    """A hundred collections leave as many objects and descriptors as ten did."""

    async def main():
        lock = asyncio.Lock()
        await lock.acquire()
        waiting = [asyncio.create_task(lock.acquire()) for _ in range(20)]
        await asyncio.sleep(0)

        def many(count):
            for _ in range(count):
                collector = Collector()
                two_looks(collector, apart_s=0.0)
                collector.close()
            gc.collect()
            return len(gc.get_objects()), len(os.listdir("/proc/self/fd"))

        await asyncio.to_thread(many, 10)
        before = await asyncio.to_thread(many, 10)
        after = await asyncio.to_thread(many, 100)
        for task in waiting:
            task.cancel()
        return before, after

    before, after = asyncio.run(main())
    assert after[1] == before[1]
    assert after[0] - before[0] < 100  # less than one object a collection


AGAIN = """
import asyncio, gc, os, sys
import unjam
from unjam.control.client import ask

async def once():
    await asyncio.sleep(0)

def cycles(count):
    for _ in range(count):
        unjam.install(record=False, log=False)
        asyncio.run(once())
        ask(os.getpid(), "top")
        unjam.uninstall()
    gc.collect()
    return len(gc.get_objects()), len(os.listdir("/proc/self/fd"))

cycles(10)
print(cycles(5), cycles(int(sys.argv[1])))
"""


def test_installing_and_asking_again_and_again_leaks_nothing():
    """After many rounds of install, question and uninstall there are as many descriptors and objects as after a few."""
    count = 1000 if os.environ.get("UNJAM_TEST_FULL") else 40
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, str(count)], capture_output=True, text=True, check=True, timeout=PATIENCE_S * 6
    )
    few, many = done.stdout[1:-2].split(") (")
    (objects, descriptors), (more_objects, more_descriptors) = json.loads(f"[{few}]"), json.loads(f"[{many}]")
    assert more_descriptors == descriptors
    assert more_objects - objects < count  # less than one object a round
