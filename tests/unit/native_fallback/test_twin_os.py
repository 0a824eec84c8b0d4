"""Laws of what the twin reads from the operating system."""

import os
import socket
import sys
import threading
import time

import pytest

from unjam.native import _twin_os as system
from unjam.native import _twin_syscalls as syscalls

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Waiting:
    """A thread that waits in `function` until it is let go."""

    def __init__(self, function):
        self.thread = threading.Thread(target=function, daemon=True)
        self.thread.start()

    def call(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            call = system.system_call(self.thread.native_id)
            if call is None:
                pytest.skip("/proc/self/task/*/syscall cannot be read here")
            if call.name and not system.waits_for_gil(call):
                return call
        raise AssertionError("the thread does not wait")


def test_a_read_from_a_pipe_names_the_pipe():
    """A thread that reads from a pipe is in read, on that descriptor."""
    reading, writing = os.pipe()
    waiting = Waiting(lambda: os.read(reading, 1))
    call = waiting.call()
    assert (call.name, system.target(call)) == ("read", (reading, "pipe"))
    os.write(writing, b"x")
    waiting.thread.join()
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_receive_names_its_peer(family):
    """A thread that waits for a reply names the address it waits for."""
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {host} here")
    with server, socket.create_connection(server.getsockname()[:2]) as client:
        accepted, _ = server.accept()
        waiting = Waiting(lambda: client.recv(1))
        port = server.getsockname()[1]
        expected = f"tcp {host}:{port}" if family == socket.AF_INET else f"tcp [0:0:0:0:0:0:0:1]:{port}"
        assert system.target(waiting.call()) == (client.fileno(), expected)
        accepted.send(b"x")
        waiting.thread.join()
        accepted.close()


def test_a_timed_receive_is_a_poll_on_one_descriptor():
    """A socket with a timeout polls: the descriptor is read from the call's argument."""
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(30)
        waiting = Waiting(lambda: one.recv(1))
        assert system.target(waiting.call()) == (one.fileno(), "unix")
        other.send(b"x")
        waiting.thread.join()


def test_a_lock_is_not_the_gil():
    """Waiting for a lock of the program is told from waiting for the interpreter's own."""
    lock = threading.Lock()
    lock.acquire()
    waiting = Waiting(lock.acquire)
    call = waiting.call()
    assert (call.name, system.waits_for_gil(call), system.target(call)) == ("futex", False, (None, "futex"))
    lock.release()
    waiting.thread.join()


def test_the_gil_is_not_a_lock():
    """Of two threads that want to run, one waits for the interpreter's own lock."""
    stop = False

    def spin():
        while not stop:
            pass

    threads = [threading.Thread(target=spin, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    seen = False
    while not seen and time.monotonic() < deadline:
        calls = [system.system_call(thread.native_id) for thread in threads]
        seen = any(call is not None and system.waits_for_gil(call) for call in calls)
    stop = True
    for thread in threads:
        thread.join()
    assert seen


def test_a_thread_that_has_ended_gives_nothing():
    """Asking for a thread that is gone is answered with nothing, never with a crash."""
    gone = threading.Thread(target=lambda: None)
    gone.start()
    gone.join()
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/self/task/{gone.native_id}"):
        assert time.monotonic() < deadline
    assert (system.cpu_ns(gone.native_id), system.run_delay_ns(gone.native_id), system.system_call(gone.native_id)) == (
        None,
    ) * 3


def test_a_thread_is_read_at_one_go(monkeypatch):
    """Each read lets the GIL go, and a loop that computes pays for each time it is taken again."""
    read, reads = os.read, []
    monkeypatch.setattr(os, "read", lambda fd, size: reads.append(fd) or read(fd, size))
    assert system.run_delay_ns(threading.get_native_id()) is not None
    assert len(reads) == 1


def test_cpu_time_is_the_threads_own():
    """The clock of a thread named by number is the clock it reads itself."""
    before = time.thread_time_ns()
    seen = system.cpu_ns(threading.get_native_id())
    assert before <= seen <= time.thread_time_ns()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F:1538", "127.0.0.1:5432"),
        ("0000000000000000FFFF00000100007F:0050", "127.0.0.1:80"),
        ("00000000000000000000000001000000:0050", "[0:0:0:0:0:0:0:1]:80"),
    ],
)
@pytest.mark.skipif(sys.byteorder == "big", reason="the kernel writes words in the order of the machine")
def test_addresses_of_the_kernels_tables(text, address):
    """IPv4, IPv4 in IPv6 and IPv6 are read as people write them."""
    assert system._address(text) == address


def test_the_tables_name_a_number_once():
    """No number and no name stands twice in the table of a machine."""
    for machine in syscalls.TABLES:
        names = syscalls.names(machine)
        assert len(names) == len(set(names.values())) == len(syscalls.TABLES[machine].split())


def test_a_closed_descriptor_has_no_target():
    """A descriptor that is closed meanwhile leads nowhere."""
    assert system.describe_fd(10_000) == ""
