"""UJ105: name look-up on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ105",
    cause="dns",
    title="Name look-up on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it waited for a name server",
    many="name look-ups held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
`socket.getaddrinfo`, `gethostbyname`, `gethostbyaddr`, `getfqdn` and kin in code that runs on the event loop, called directly or
by a client that connects.
""",
    why="""\
A cached name takes microseconds; a name server that does not answer takes five seconds a try, and two tries are the default.
The call cannot be interrupted and knows no time-out of its own.
""",
    looks="""\
```python
address = socket.gethostbyname(host)
```

becomes

```python
infos = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
address = infos[0][4][0]
```
""",
    todo="""\
1. `await loop.getaddrinfo(...)` or `await loop.getnameinfo(...)`.
2. Many look-ups: a resolver that needs no thread (`aiodns`, `dns.asyncresolver`).
3. `socket.getfqdn()` for a log line: ask once at start-up.
""",
    costs="""\
`loop.getaddrinfo` runs in the default thread pool. When that is full, names are not resolved, and connections
time out although both sides are well (UJ601).
""",
    allow=allowance(
        "UJ105",
        reason="name is in /etc/hosts",
        when="Where the name is sure to be answered locally.",
    ),
    advice=(
        "async-dns",
        "to-thread",
    ),
)
