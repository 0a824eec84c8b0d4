"""The socket of a watched process: private, bounded, and deaf to everything but its few questions."""

import gc
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from unjam.control import address, client
from unjam.control import server as module
from unjam.control.address import find_sockets, sweep
from unjam.control.client import NoAnswer, NoSuchProcess, NotWatched, ask
from unjam.control.server import LONGEST_REPLY, LONGEST_REQUEST, MOST_CLIENTS, start_server
from unjam.errors import NotAvailable


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A private runtime folder of its own for each test; short, for a socket's path is."""
    short = Path(f"/tmp/uj-{os.getpid()}-{abs(hash(tmp_path)) % 10**6}")
    short.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    yield short
    for path in sorted(short.rglob("*"), reverse=True):
        path.unlink() if not path.is_dir() else path.rmdir()
    short.rmdir()


@pytest.fixture
def served(folder):
    """A server of this process."""
    server = start_server(
        lambda: {"hello": lambda: {"pid": os.getpid()}, "fail": _fail, "big": lambda: {"x": "y" * LONGEST_REPLY}}
    )
    yield server
    server.stop()


def _fail():
    raise ValueError("no such thing")


def connected(server):
    end = time.monotonic() + 60
    while True:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(60)
        try:
            sock.connect(server.path)
        except BlockingIOError:  # as many connections wait as may
            sock.close()
            assert time.monotonic() < end
            time.sleep(0.001)
        else:
            return sock


def exchanged(server, data):
    with connected(server) as sock:
        sock.sendall(data)
        return read_line(sock)


def read_line(sock):
    line = b""
    while not line.endswith(b"\n"):
        piece = sock.recv(1 << 16)
        if not piece:
            break
        line += piece
    return line


def test_it_survives_the_import_of_gevent(served, monkeypatch):
    """While another thread imports gevent.monkey the module is there without its functions: the next wait must not need them."""
    monkeypatch.setitem(sys.modules, "gevent.monkey", ModuleType("gevent.monkey"))
    asked = [json.loads(exchanged(served, b'{"v": 1, "ask": "hello"}\n')) for _ in range(3)]
    assert asked == [{"v": 1, "ok": {"pid": os.getpid()}}] * 3


def test_only_the_owner_can_reach_the_socket(served):
    """The folder is 0700, the socket 0600, whatever the umask."""
    path = Path(served.path)
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


def test_a_question_is_answered(served):
    """The client finds the socket by the pid and reads the answer."""
    assert ask(os.getpid(), "hello") == {"pid": os.getpid()}


def test_an_unknown_question_is_refused_by_naming_the_known_ones(served):
    """Nothing else can be asked."""
    with pytest.raises(NoAnswer, match="this unjam answers: big, fail, hello"):
        ask(os.getpid(), "eval")


def test_an_answer_that_fails_is_told_and_the_server_lives(served):
    """A fault of ours is one line for the asker."""
    with pytest.raises(NoAnswer, match="ValueError: no such thing"):
        ask(os.getpid(), "fail")
    assert ask(os.getpid(), "hello") == {"pid": os.getpid()}


def test_an_answer_that_is_too_long_is_refused(served):
    """A reader never needs more memory than the limit."""
    with pytest.raises(NoAnswer, match="bytes, more than"):
        ask(os.getpid(), "big")


GARBAGE = [
    b"\n",
    b"{}\n",
    b"[]\n",
    b"null\n",
    b'"hello"\n',
    b'{"v": 1}\n',
    b'{"v": 2, "ask": "hello"}\n',
    b'{"v": 1, "ask": ["hello"]}\n',
    b'{"v": 1, "ask": {"__class__": "os.system"}}\n',
    b"\xff\xfe\x00\n",
    b"[" * 4000 + b"\n",
    b'{"v": 1, "ask": "' + b"x" * 3000 + b'"}\n',
    b"import os; os._exit(1)\n",
    b"GET / HTTP/1.1\r\n",
    b"\x80\x04\x95.\n",
]


@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_gets_an_error_and_nothing_else(served, data):
    """Whatever is not a question is answered by the list of questions."""
    assert json.loads(exchanged(served, data))["error"].startswith("this unjam answers")
    assert ask(os.getpid(), "hello") == {"pid": os.getpid()}


def test_random_bytes_never_stop_the_server(served):
    """Two hundred connections with random bytes, closed at random places, leave it answering."""
    import random

    chance = random.Random(4)
    for _ in range(200):
        with connected(served) as sock:
            try:
                sock.sendall(chance.randbytes(chance.randrange(1, 6000)) + chance.choice([b"", b"\n"]))
            except OSError:
                pass  # closed for sending too much: that is the rule
    assert ask(os.getpid(), "hello") == {"pid": os.getpid()}


def test_a_request_that_never_ends_is_dropped(served):
    """More than the longest request without a line's end closes the connection."""
    with connected(served) as sock:
        try:
            sock.sendall(b"x" * (2 * LONGEST_REQUEST))
        except OSError:
            pass
        sock.settimeout(60)
        try:
            assert sock.recv(1) == b""
        except ConnectionResetError:
            pass


def test_further_clients_are_told_that_others_are_served(served):
    """A limited number is served at once; the next one is told and closed."""
    held = [connected(served) for _ in range(MOST_CLIENTS)]
    try:
        for sock in held:
            sock.sendall(b'{"v": 1, "ask": "hello"}\n')
            assert json.loads(read_line(sock))["ok"]
        with connected(served) as late:
            assert "busy" in json.loads(read_line(late))["error"]
    finally:
        for sock in held:
            sock.close()
    assert ask(os.getpid(), "hello") == {"pid": os.getpid()}


def test_a_thousand_connects_leave_no_descriptor_behind(served):
    """Connections come and go without a trace."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(1000):
        connected(served).close()
    assert ask(os.getpid(), "hello") == {"pid": os.getpid()}
    end = time.monotonic() + 60
    while len(os.listdir("/proc/self/fd")) > before and time.monotonic() < end:
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_silent_client_is_dropped(folder, monkeypatch):
    """A client that says nothing does not keep its place for ever."""
    monkeypatch.setattr(module, "IDLE_S", 0.2)
    server = start_server(lambda: {"hello": dict})
    with connected(server) as sock:
        assert sock.recv(1) == b""
    server.stop()


def test_who_asks_during_a_long_answer_is_heard(folder, monkeypatch):
    """An answer that takes longer than a client may be idle drops nobody who has asked meanwhile."""
    clock = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    asked, go_on = threading.Event(), threading.Event()

    def slow():
        asked.set()
        go_on.wait(30)
        clock[0] += 2 * module.IDLE_S
        return {}

    server = start_server(lambda: {"hello": lambda: {"pid": 7}, "slow": slow})
    hello = b'{"v": 1, "ask": "hello"}\n'
    try:
        with connected(server) as first, connected(server) as second:
            second.sendall(hello)
            read_line(second)  # It is one of those that are served.
            first.sendall(b'{"v": 1, "ask": "slow"}\n')
            assert asked.wait(30)
            second.sendall(hello)
            go_on.set()
            assert [json.loads(read_line(sock)) for sock in (first, second)] == [
                {"v": 1, "ok": {}},
                {"v": 1, "ok": {"pid": 7}},
            ]
    finally:
        go_on.set()
        server.stop()


def test_a_slow_reader_blocks_nobody(folder):
    """While one client does not read its megabytes, another one is answered."""
    server = start_server(lambda: {"hello": lambda: {"ok": 1}, "much": lambda: {"x": "y" * (4 << 20)}})
    with connected(server) as slow:
        slow.sendall(b'{"v": 1, "ask": "much"}\n')
        assert ask(os.getpid(), "hello") == {"ok": 1}
        assert len(read_line(slow)) > 4 << 20
    server.stop()


def test_costly_questions_are_answered_once_a_second(folder):
    """Asking cannot become a load: the second one waits, and is answered then."""
    asked = []
    server = start_server(lambda: {"hang": lambda: asked.append(time.monotonic()) or {}})
    ask(os.getpid(), "hang")
    ask(os.getpid(), "hang")
    server.stop()
    assert asked[1] - asked[0] >= module.BETWEEN_COSTLY_S


def test_stopping_removes_the_socket(served):
    """Nothing is left behind, and stopping again does nothing."""
    served.stop()
    served.stop()
    assert not Path(served.path).exists()
    with pytest.raises(NotWatched):
        ask(os.getpid(), "hello")


ENDS_WHEN_ASKED = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print(flush=True)
listener.accept()
os.unlink(sys.argv[1])
"""


@pytest.mark.parametrize("when", ["looked up", "ending", "asked"])
def test_a_process_that_ends_while_it_is_asked_is_gone(folder, monkeypatch, when):
    """Between look-up and connection, wholly or not yet, or before it replies: it is gone, and nothing is said of files."""
    path = str(folder / "s.sock")
    child = subprocess.Popen([sys.executable, "-c", ENDS_WHEN_ASKED, path], stdout=subprocess.PIPE)
    child.stdout.read(1)
    monkeypatch.setattr(client, "find_sockets", lambda pid: {pid: path})
    reaper = threading.Thread(target=child.wait)
    reaper.start()
    if when != "asked":  # The end comes after the look-up: connecting is the first that shows it.
        look_up = client._look_up

        def ending(pid):
            found = look_up(pid)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path)
            while os.path.exists(path):
                time.sleep(0.001)
            if when == "looked up":
                reaper.join()
            return found

        monkeypatch.setattr(client, "_look_up", ending)
    with pytest.raises(NoSuchProcess, match=f"process {child.pid} is gone"):
        ask(child.pid, "hello")
    reaper.join()
    child.stdout.close()


def test_a_long_temporary_folder_leaves_the_socket_a_place(tmp_path, monkeypatch):
    """A path that a socket cannot have is not tried: it lies in a private folder of /tmp, where it is found."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr(address, "candidates", lambda: [str(long / "unjam")])
    server = start_server(lambda: {"hello": lambda: {"here": True}})
    try:
        assert ask(os.getpid(), "hello") == {"here": True}
        assert address.is_private(os.path.dirname(server.path))
    finally:
        server.stop()
        os.rmdir(os.path.dirname(server.path))


def test_a_process_that_is_gone_is_said_so():
    """A pid that is none is told from one that is not watched."""
    child = subprocess.Popen(["true"])
    child.wait()
    with pytest.raises(NoSuchProcess):
        ask(child.pid, "hello")


def states(pid):
    """What each thread of a process does, as proc(5) has it."""
    return {path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")}


def wait_until_stopped(pid):
    """kill() returns before the threads that run on another CPU have stopped."""
    deadline = time.monotonic() + 60
    while states(pid) != {"T"}:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_stopped_process_is_told_within_the_deadline(folder):
    """A process under SIGSTOP does not answer: that is said, and it is not resumed."""
    program = "from unjam.control.server import start_server; s = start_server(lambda: {'hello': dict}); print('up', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"up\n"
    os.kill(child.pid, signal.SIGSTOP)
    wait_until_stopped(child.pid)
    with pytest.raises(NoAnswer, match="did not answer within 0"):
        ask(child.pid, "hello", deadline_s=0.3)
    assert {"T"} == states(child.pid)
    os.kill(child.pid, signal.SIGCONT)
    assert ask(child.pid, "hello") == {}
    child.kill()
    child.communicate()


def test_the_socket_of_a_killed_process_is_swept_away(folder):
    """What a kill left behind is removed by the next one that starts, and never taken for a live process."""
    program = "from unjam.control.server import start_server; print(start_server(lambda: {}).path, flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    left = Path(child.stdout.readline().decode().strip())
    child.kill()
    child.communicate()
    assert left.exists()
    start_server(dict).stop()
    assert not left.exists()


def test_descriptors_that_the_program_has_closed_are_left_alone(folder):
    """A daemon closes them all, and opens files of its own that get the same numbers: these are neither written nor closed."""
    server = start_server(dict)
    numbers = [server._listener.fileno(), server._wake_read, server._wake_write]
    with (folder / "theirs").open("w+b") as theirs:
        for number in numbers:
            os.close(number)
            os.dup2(theirs.fileno(), number)
        server.stop(0.1)
        assert [os.fstat(number).st_ino for number in numbers] == [os.fstat(theirs.fileno()).st_ino] * 3
        assert theirs.read() == b""
        for number in numbers:
            os.close(number)


def test_a_process_that_cannot_be_looked_at_keeps_its_socket(folder, monkeypatch):
    """Out of descriptors, or in another pid namespace than its own, it seems gone: that somebody listens says more."""
    server = start_server(dict)
    monkeypatch.setattr("unjam.control.address.start_ticks", lambda pid: 0)
    sweep(str(Path(server.path).parent))
    assert Path(server.path).exists()
    server.stop()


def test_a_forked_child_does_not_answer_for_its_parent(folder):
    """After a fork the socket stays the parent's; the child has given up its descriptors."""
    server = start_server(lambda: {"hello": lambda: {"pid": os.getpid()}})
    pid = os.fork()
    if pid == 0:
        server.drop_after_fork()
        os._exit(
            0
            if not any(
                "socket" in os.readlink(f"/proc/self/fd/{fd}")
                for fd in ("3", "4", "5")
                if os.path.exists(f"/proc/self/fd/{fd}")
            )
            else 1
        )
    assert os.waitpid(pid, 0)[1] == 0
    assert ask(os.getpid(), "hello") == {"pid": os.getpid()}
    server.stop()


def test_a_folder_of_somebody_else_is_not_used(folder, monkeypatch):
    """A folder under our name that is open to others is left alone, and the socket is found all the same."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("os.getuid", os.geteuid)
    trap = folder / f"unjam-{os.geteuid()}"
    trap.mkdir()
    trap.chmod(0o777)
    server = start_server(lambda: {"hello": dict})
    if str(folder) in server.path:
        assert Path(server.path).parent != trap
    assert ask(os.getpid(), "hello") == {}
    server.stop()


@pytest.mark.parametrize("why", ["UNJAM_CONTROL", "rights"])
def test_there_is_no_socket_where_there_must_be_none(folder, monkeypatch, why):
    """The off switch and the rights of another user both keep the socket away."""
    if why == "rights":
        monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    else:
        monkeypatch.setenv("UNJAM_CONTROL", "0")
    with pytest.raises(NotAvailable):
        start_server(dict)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_not_answered(folder):
    """A connection of another user is closed without a word, even where the file system let it through."""
    server = start_server(lambda: {"hello": dict})
    for path in (folder, Path(server.path).parent, Path(server.path)):
        path.chmod(0o777)
    program = f'import os, socket; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect({server.path!r}); s.sendall(b\'{{"v": 1, "ask": "hello"}}\\n\'); print(s.recv(100))'
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    server.stop()
    assert done.stdout in {"b''\n", ""}, done
    assert "ok" not in done.stdout


def test_the_answers_are_made_only_when_asked(folder):
    """A process that nobody asks pays for nothing but the socket."""
    made = []
    server = start_server(lambda: made.append(1) or {"hello": dict})
    assert made == []
    ask(os.getpid(), "hello")
    ask(os.getpid(), "hello")
    server.stop()
    assert made == [1]


def test_a_reused_pid_is_not_taken_for_its_predecessor(folder):
    """A socket whose process began at another time than the one of that pid now is nobody's."""
    server = start_server(lambda: {"hello": dict})
    assert os.getpid() in find_sockets()
    pid, start, random = Path(server.path).name.split("-")
    stale = Path(server.path).with_name(f"{pid}-{int(start) - 1}-{random}")
    Path(server.path).rename(stale)
    assert os.getpid() not in find_sockets()
    server.stop()
    stale.unlink()


def test_a_fault_of_ours_ends_the_socket_with_one_line(folder, monkeypatch):
    """The thread that dies takes its socket along, says so once, and the process goes on."""
    said = []
    monkeypatch.setattr(module, "report_failure", lambda what, error: said.append((what, str(error))))
    server = start_server(dict, tick=_fail, tick_s=0.01)
    end = time.monotonic() + 60
    while Path(server.path).exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert said == [("the control socket has stopped", "no such thing")]
    with pytest.raises(NotAvailable):
        ask(os.getpid(), "hello")
    server.stop()


@pytest.mark.parametrize("frozen", [False, True])
def test_what_an_answer_leaves_is_no_load_of_the_next_collection(frozen):
    """Many objects that outlive an answer count as old at once; where others are put aside already, as in CPython 3.12, nothing is."""
    kept = []
    if frozen:
        gc.freeze()
    aside = gc.get_freeze_count()
    before = gc.get_threshold()
    gc.set_threshold(700)
    try:
        module.without_gc(lambda: kept.extend([] for _ in range(3 * module.MANY_YOUNG)))
        young = {id(each) for generation in (0, 1) for each in gc.get_objects(generation=generation)}
        left = gc.get_freeze_count()  # less than before where something of it has been freed meanwhile
        assert (left <= aside, left == 0, gc.isenabled()) == (True, aside == 0, True)
    finally:
        gc.set_threshold(*before)
        if frozen:
            gc.unfreeze()
    assert young.isdisjoint(map(id, kept)) is (aside == 0)


def test_a_short_answer_ages_nothing(monkeypatch):
    """A live view that asks four times a second does not fill the old generation with the program's young garbage."""
    monkeypatch.setattr(gc, "freeze", lambda: pytest.fail("objects were put aside"))
    gc.collect(0)
    module.without_gc(lambda: [[] for _ in range(100)])
