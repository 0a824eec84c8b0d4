"""The socket of a watched process: its own thread answers a few fixed questions, even while everything else hangs.

    request   one line of at most 4 KiB: {"v": 1, "ask": "hello"}
    reply     one line of at most 8 MiB: {"v": 1, "ok": {...}} or {"v": 1, "error": "..."}

Nothing of a request is evaluated, opened or looked up but the name of the question, and only the same user is answered.
"""

from __future__ import annotations

import _socket
import gc
import os
import select
import sys
import time

from unjam.control.address import own_folder, socket_name, sweep
from unjam.errors import NotAvailable
from unjam.failure import report_failure
from unjam.native.originals import original, sleep
from unjam.native.quiet_thread import QuietThread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    Answer: TypeAlias = Callable[[], "dict[str, Any]"]

VERSION = 1
COSTLY = frozenset({"hang", "why"})
LONGEST_REQUEST = 4096
LONGEST_REPLY = 8 << 20
"""Bytes; a reply above it is refused with an error, so that a reader needs no more memory than that."""
MOST_CLIENTS = 4
"""Served at once; further ones are told so and closed."""
BACKLOG = 64
"""Connections that may wait to be accepted while a costly answer is made; the client tries again where that is too few."""
IDLE_S = 5.0
"""After which a client that neither sends nor reads is dropped."""
BETWEEN_COSTLY_S = 1.0
"""Between the begins of two costly answers: asking cannot become a load."""
CHUNK = 100
"""Items of a list encoded at once, so that C code does not keep the GIL for long."""
STOP_S = 0.1
"""For which stop() waits for the thread if nothing else is said: an exiting program is not held up for longer."""
POLL: Any = original("select", "poll") if hasattr(_socket, "SO_PEERCRED") else None


class Client:
    """One connection: what it has sent so far, what it has still to be sent, and when it is dropped."""

    __slots__ = ("deadline", "received", "sock", "to_send")

    def __init__(self, sock: _socket.socket) -> None:
        self.sock = sock
        self.received = b""
        self.to_send = memoryview(b"")
        self.deadline = time.monotonic() + IDLE_S


class Server:
    """Listens in the folder of this user.

    `answers` gives the questions with their answers, and is asked for them when the first one comes; those in `COSTLY` are
    answered once a second at most. `tick` is called every `tick_s` seconds, never where that is None.
    """

    def __init__(
        self, answers: Callable[[], Mapping[str, Answer]], *, tick: Callable[[], None], tick_s: float | None
    ) -> None:
        self._make_answers = answers
        self._answers: dict[str, Answer] = {}
        self._tick, self._tick_s = tick, tick_s
        self._next_costly = 0.0
        self._clients: dict[int, Client] = {}
        self._pid = os.getpid()
        folder = own_folder()
        sweep(folder)
        self.path = os.path.join(folder, socket_name(self._pid))
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._listener = self._bind()
        own = (self._wake_read, self._wake_write, self._listener.fileno())
        self._inodes = {fd: os.fstat(fd).st_ino for fd in own}
        self._thread = QuietThread(self._run)
        self._thread.start()

    def _bind(self) -> _socket.socket:
        """Bind inside the private folder first, then close the socket to others: bind alone leaves it at the umask."""
        listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
        try:
            listener.bind(self.path)
            os.chmod(self.path, 0o600)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Close the socket and end the thread; waits for it for a moment only, and says whether it has ended."""
        if os.getpid() != self._pid:
            return False
        self._unlink()
        try:
            if self._is_ours(self._wake_write):
                os.write(self._wake_write, b"x")
        except OSError:
            return False
        ended = self._thread.join(timeout_s)
        if ended:
            self._close(self._wake_write)
        return ended

    def hold(self, timeout_s: float) -> bool:
        """Have the thread at rest until `let_go`, as `QuietThread.hold`: the process forks. Who asks meanwhile waits."""
        return self._thread.hold(timeout_s)

    def let_go(self) -> None:
        """Go on after a `hold` that was True."""
        self._thread.let_go()

    def _is_ours(self, fd: int) -> bool:
        """Whether the number still means what we opened: the program may have closed all descriptors, and opened others."""
        try:
            return fd >= 0 and os.fstat(fd).st_ino == self._inodes.get(fd)
        except OSError:
            return False

    def _close(self, *fds: int) -> None:
        for fd in filter(self._is_ours, fds):
            os.close(fd)

    def drop_after_fork(self) -> None:
        """Give up the parent's descriptors in a forked child; the socket itself stays the parent's."""
        for client in self._clients.values():
            client.sock.close()
        self._clients.clear()
        self._close(self._listener.detach(), self._wake_read, self._wake_write)

    def _unlink(self) -> None:
        try:
            os.unlink(self.path)
        except OSError:
            pass  # Gone already.

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001  # the program goes on without us
            report_failure("the control socket has stopped", error)
        finally:
            self._unlink()
            for client in list(self._clients.values()):
                self._drop(client)
            self._close(self._listener.detach(), self._wake_read)

    def _serve(self) -> None:
        next_tick = time.monotonic() + (self._tick_s or 0.0)
        while True:
            ready = self._wait()
            began = time.monotonic()
            if self._wake_read in ready:
                return
            if self._tick_s is not None and began >= next_tick:
                self._tick()
                next_tick = time.monotonic() + self._tick_s
            if self._listener.fileno() in ready:
                self._accept()
            for client in [client for fd, client in self._clients.items() if fd in ready]:
                self._go_on(client)
            # Not by the present time: an answer may have taken long, and what others have sent meanwhile is still to be read.
            for client in [client for client in self._clients.values() if client.deadline < began]:
                self._drop(client)

    def _wait(self) -> set[int]:
        poll = POLL()
        poll.register(self._wake_read, select.POLLIN)
        poll.register(self._listener, select.POLLIN)
        for client in self._clients.values():
            poll.register(client.sock, select.POLLOUT if client.to_send else select.POLLIN)
        waits = [seconds for seconds in (self._tick_s, IDLE_S if self._clients else None) if seconds is not None]
        with self._thread.at_rest:
            found = poll.poll(1000 * min(waits) if waits else None)
        return {fd for fd, _ in found}

    def _accept(self) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001  # what socket.accept calls
        except BlockingIOError:
            return
        except OSError:
            sleep(0.2)  # Out of descriptors: the connection stays pending, and we do not spin.
            return
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd)
        sock.settimeout(0)
        client = Client(sock)
        self._clients[fd] = client
        if peer_uid(sock) not in {os.geteuid(), 0}:
            self._drop(client)
        elif len(self._clients) > MOST_CLIENTS:
            self._send(client, encode({"error": "busy: other clients are served"}))
            self._drop(client)

    def _drop(self, client: Client) -> None:
        self._clients.pop(client.sock.fileno(), None)
        client.sock.close()

    def _go_on(self, client: Client) -> None:
        try:
            if client.to_send:
                client.to_send = client.to_send[client.sock.send(client.to_send[: 1 << 18]) :]
            elif not self._receive(client):
                self._drop(client)
                return
            client.deadline = time.monotonic() + IDLE_S
        except BlockingIOError:
            return
        except OSError:
            self._drop(client)

    def _receive(self, client: Client) -> bool:
        """Read a piece of a request and answer it if it is whole; False if the client has to go."""
        data = client.sock.recv(LONGEST_REQUEST)
        client.received += data
        line, newline, client.received = client.received.partition(b"\n")
        if not newline:
            client.received = line
            return bool(data) and len(line) < LONGEST_REQUEST
        self._send(client, without_gc(lambda: encode(self._answer(line))))
        return True

    def _send(self, client: Client, data: bytes) -> None:
        if len(data) > LONGEST_REPLY:
            data = encode({"error": f"the answer has {len(data)} bytes, more than {LONGEST_REPLY}"})
        client.to_send = memoryview(data)
        self._go_on(client)

    def _answer(self, line: bytes) -> dict[str, Any]:
        if not self._answers:
            self._answers = dict(self._make_answers())
        ask = question(line)
        answer = self._answers.get(ask)
        if answer is None:
            return {"error": f"this unjam answers: {', '.join(sorted(self._answers))}"}
        now = time.monotonic()
        if ask in COSTLY and now < self._next_costly:
            return {"error": "busy: asked a moment ago", "retry_ms": round((self._next_costly - now) * 1e3) + 1}
        try:
            return {"ok": answer()}
        except Exception as error:  # noqa: BLE001  # the asker is told, and the program goes on
            return {"error": f"{type(error).__name__}: {error}"}
        finally:
            if ask in COSTLY:
                self._next_costly = now + BETWEEN_COSTLY_S


def question(line: bytes) -> str:
    """Return what a request asks, "" if it is none."""
    import json  # slow to import, and most processes are never asked

    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    ask = request.get("ask") if type(request) is dict and request.get("v") == VERSION else None
    return ask if type(ask) is str else ""


def encode(reply: dict[str, Any]) -> bytes:
    """Return the reply as one line of JSON, encoded in pieces."""
    import json  # as above

    def pieces(value: Any) -> str:
        if type(value) is dict and any(isinstance(item, list | dict) for item in value.values()):
            return "{" + ",".join(f"{json.dumps(key)}:{pieces(item)}" for key, item in value.items()) + "}"
        if type(value) is list and len(value) > CHUNK:
            parts = (
                json.dumps(value[at : at + CHUNK], separators=(",", ":"))[1:-1] for at in range(0, len(value), CHUNK)
            )
            return "[" + ",".join(parts) + "]"
        return json.dumps(value, separators=(",", ":"))

    return pieces({"v": VERSION, **reply}).encode("ascii") + b"\n"


MANY_YOUNG = 5_000
"""Objects made without a collection after which they count as old at once: below it a collection of the young takes a millisecond."""


def without_gc(work: Callable[[], Any]) -> Any:
    """Do a piece of work that makes many objects without a garbage collection on their account.

    A collection of the whole heap would hold the GIL for a tenth of a second and more, and run finalizers of the program in our
    thread. What is left at the end, such as the frame objects of ten thousand coroutines, would make the next collection of the
    young as long: it is filed among the old instead, which moves no object and runs nothing.
    """
    if not gc.isenabled():
        return work()
    gc.disable()
    try:
        return work()
    finally:
        if (
            gc.get_count()[0] > MANY_YOUNG and gc.get_freeze_count() == 0
        ):  # Else the program itself has put objects aside.
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def peer_uid(sock: _socket.socket) -> int:
    """Return the user at the other end (SO_PEERCRED, unix(7)); -1 where it cannot be told, which is nobody."""
    return peer(sock)[1]


def peer(sock: Any) -> tuple[int, int]:
    """Return process and user at the other end of a Unix socket; -1 for what cannot be told."""
    wanted = getattr(_socket, "SO_PEERCRED", None)
    if wanted is None:
        return -1, -1
    data = sock.getsockopt(_socket.SOL_SOCKET, wanted, 12)
    pid, uid = (int.from_bytes(data[at : at + 4], sys.byteorder, signed=True) for at in (0, 4))
    return pid, uid


def refuse_reason() -> str:
    """Say why this process must have no control socket, "" if it may."""
    if os.environ.get("UNJAM_CONTROL") == "0":
        return "switched off by UNJAM_CONTROL=0"
    if os.getuid() != os.geteuid() or os.getgid() != os.getegid():
        return "the program runs with the rights of another user"
    if not hasattr(_socket, "SO_PEERCRED"):
        return "this system cannot tell who asks"
    return ""


def _nothing() -> None:
    """What there is to do at a tick where nobody asked for one."""


def start_server(
    answers: Callable[[], Mapping[str, Answer]], *, tick: Callable[[], None] = _nothing, tick_s: float | None = None
) -> Server:
    """Start a server; raises NotAvailable where there must or can be none."""
    reason = refuse_reason()
    if reason:
        raise NotAvailable(f"no control socket: {reason}")
    try:
        return Server(answers, tick=tick, tick_s=tick_s)
    except OSError as error:
        raise NotAvailable(f"no control socket: {error}") from error
