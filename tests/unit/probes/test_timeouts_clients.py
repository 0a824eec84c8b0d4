"""The timeouts of real clients against a server of a few lines: was the reply there when one fired?"""

import asyncio
import contextlib
import json
import socket
import threading
import time

import pytest

from unjam.probes.patching import ImportWatch
from unjam.probes.timeouts import Timeouts

LIMIT_S = 0.4
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request in a thread, once `replying` is set."""

    def __init__(self, reply):
        self.asked, self.replying = threading.Event(), threading.Event()
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                at_once, reply = self._reply(data)
                connection.sendall(at_once)
                if reply:
                    self.asked.set()
                    self.replying.wait(60)
                    connection.sendall(reply)

    def close(self):
        self.replying.set()
        self._listener.close()


async def httpx_get(port):
    import httpx

    async with httpx.AsyncClient(verify=False, timeout=httpx.Timeout(20, read=LIMIT_S)) as client:
        await client.get(f"http://127.0.0.1:{port}/")


async def aiohttp_get(port):
    import aiohttp

    timeout = aiohttp.ClientTimeout(sock_read=20, total=LIMIT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(f"http://127.0.0.1:{port}/") as response:
        await response.text()


async def aiohttp_awaited(port):
    import aiohttp

    timeout = aiohttp.ClientTimeout(sock_read=20, total=LIMIT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        await (await session.get(f"http://127.0.0.1:{port}/")).text()


async def redis_get(port):
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    once = Retry(NoBackoff(), 0)
    async with Redis(host="127.0.0.1", port=port, socket_timeout=LIMIT_S, protocol=2, retry=once) as client:
        await client.get("key")


async def asyncpg_connect(port):
    import asyncpg

    await asyncpg.connect(host="127.0.0.1", port=port, user="u", password="p", timeout=LIMIT_S, ssl=False)


def http(data):
    return b"", HTTP


def redis(data):
    return (b"", b"$2\r\nok\r\n") if b"GET" in data else (b"+OK\r\n" * data.count(b"*"), b"")


def postgres(data):
    """AuthenticationOk and ReadyForQuery, after the start-up message."""
    return b"", b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I"


CLIENTS = {
    "httpx": (httpx_get, http, "anyio.fail_after"),
    "aiohttp": (aiohttp_get, http, "aiohttp"),
    "aiohttp-awaited": (aiohttp_awaited, http, "aiohttp"),
    "redis": (redis_get, redis, "asyncio.timeout"),
    "asyncpg": (asyncpg_connect, postgres, "asyncio.timeout"),
}


@pytest.fixture(params=CLIENTS)
def client(request):
    """A client's call, its server, and the kind of timeout that it builds on."""
    package, _, _ = request.param.partition("-")
    pytest.importorskip(package, reason=f"needs {package}")
    call, reply, kind = CLIENTS[request.param]
    server = Server(reply)
    yield call, server, kind
    server.close()


@pytest.fixture
def fired():
    """The `timeout` events so far."""
    lines, imports = [], ImportWatch()
    probe = Timeouts(lines.append, number_of=lambda _: 1)
    probe.install(imports)
    yield lambda: [event for event in map(json.loads, lines) if event["e"] == "timeout"]
    probe.uninstall()
    imports.stop()


def timed_out(call, server, *, away):
    """Ask, and be away over the deadline while the reply comes in, where `away`; does it time out?"""

    async def main():
        task = asyncio.create_task(call(server.port))
        while not server.asked.is_set() and not task.done():
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.01)
        if away:
            server.replying.set()
            time.sleep(1.5 * LIMIT_S)
        (result,) = await asyncio.gather(task, return_exceptions=True)
        return isinstance(result, BaseException)

    return asyncio.run(main())


def test_a_silent_server_has_not_answered(client, fired):
    """The loop was free and there was nothing to read: the other side was slow."""
    call, server, kind = client
    assert timed_out(call, server, away=False)
    assert [(kind, False)] == [(event["kind"], event["answered"]) for event in fired()]


def test_a_reply_that_came_in_while_the_loop_was_away(client, fired):
    """Where the program sees a timeout although the reply was there, that is told; where the reply wins (anyio's scope), nothing is."""
    call, server, kind = client
    lost = timed_out(call, server, away=True)
    assert lost == (kind != "anyio.fail_after")
    assert [(kind, True)] * lost == [(event["kind"], event["answered"]) for event in fired()]
