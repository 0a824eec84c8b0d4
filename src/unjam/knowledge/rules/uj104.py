"""UJ104: synchronous HTTP on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ104",
    cause="http",
    title="Synchronous HTTP on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: a synchronous HTTP call, so nothing else ran until the reply was there",
    many="synchronous HTTP calls held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
An HTTP client without `await` - `requests`, `urllib3`, `urllib.request`, `http.client`, `httpx.Client` - used in code that runs on the
event loop, often two or three helpers below the handler.
""",
    why="""\
The loop waits for name look-up, connection, TLS handshake and reply of a server that is not yours. With one request
taking 300 ms, the whole process answers three requests a second, however many could run together.
""",
    looks="""\
```python
async def quote(item):
    reply = requests.get(f"{PRICES}/{item}")
    return reply.json()["price"]
```

becomes

```python
client = httpx.AsyncClient(timeout=5)          # once, at start-up

async def quote(item):
    reply = await client.get(f"{PRICES}/{item}")
    return reply.json()["price"]
```
""",
    todo="""\
1. `httpx.AsyncClient` or `aiohttp.ClientSession`, made once and shared.
2. If the handler awaits nothing at all: in FastAPI and Starlette declare it `def`, and it runs in their thread pool.
3. Else `await asyncio.to_thread(requests.get, url, timeout=5)`; pass the function, do not call it.
""",
    costs="""\
An async client needs callers that await, and it belongs to the loop on which it was opened. A thread is held for the whole request: with 300 ms a call
and 40 calls a second twelve threads are busy all the time, more than many machines' default pool has.
""",
    allow=allowance(
        "UJ104",
        reason="health check of a sidecar on loopback, time-out 50 ms",
        when="Where the server is local and the time-out is short.",
    ),
    advice=(
        "async-twin",
        "sync-endpoint",
        "to-thread",
    ),
)
