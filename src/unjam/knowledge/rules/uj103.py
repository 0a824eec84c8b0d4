"""UJ103: synchronous network I/O on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ103",
    cause="network",
    title="Synchronous network I/O on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it waited for the other end of a connection or a pipe",
    many="waits for a connection held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
A blocking `connect`, `accept`, `send`, `recv` or TLS handshake on a socket, or a read or a write of a pipe whose other end does not answer, in code
that runs on the event loop.
""",
    why="""\
How long it takes is decided by the other side and by the network. Without a time-out that is for ever, and the loop
does nothing else until then.
""",
    looks="""\
```python
async def ask(host, line):
    with socket.create_connection((host, 4000)) as sock:
        sock.sendall(line)
        return sock.recv(4096)
```

becomes

```python
async def ask(host, line):
    reader, writer = await asyncio.open_connection(host, 4000)
    writer.write(line)
    await writer.drain()
    answer = await reader.readline()
    writer.close()
    return answer
```
""",
    todo="""\
1. `asyncio.open_connection`, `loop.create_connection`, or the loop's `sock_connect`/`sock_recv`/`sock_sendall` on a non-blocking
socket.
2. A protocol with an async library (SMTP: aiosmtplib, SSH: asyncssh, MQTT: aiomqtt): use it.
3. Else the whole conversation in `await asyncio.to_thread(...)`, with a time-out on the socket.
""",
    costs="""\
Streams give bytes, not messages: say how one ends. A thread is held for as long as the other side takes.
""",
    allow=allowance(
        "UJ103",
        reason="loopback service, answers within 1 ms",
        when="Where the other end is known to answer at once.",
    ),
    advice=(
        "async-streams",
        "to-thread",
    ),
)
