"""UJ601: calls queued behind a full thread pool."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ601",
    cause="pool-wait",
    title="Calls queued behind a full thread pool",
    one="a call waited {ms} ms for a free thread of {thread}: all were busy, most of them with {leaf} at {culprit}",
    many="calls waited for a free thread of {thread}, {ms} ms in all: most threads were busy with {leaf} at {culprit}",
    what="""\
All threads of a pool were busy, and further calls had to queue: asyncio's default executor (`min(32, CPUs + 4)` threads), anyio's 40 tokens, which all
synchronous FastAPI endpoints and dependencies share, asgiref's single thread, or a `ThreadPoolExecutor` of your own.
""",
    why="""\
The loop is free and no alarm goes off, yet nothing moves. Name look-ups of asyncio use the default executor, too: connections time out
because files are slow.
""",
    looks="""\
```python
for document in documents:
    tasks.append(asyncio.to_thread(render, document))        # 500 calls of 3 s, 6 threads
```

becomes

```python
rendering = ThreadPoolExecutor(4, thread_name_prefix="render")
...
    tasks.append(loop.run_in_executor(rendering, render, document))
```
""",
    todo="""\
1. A pool of its own for slow calls, so that short ones never queue behind them.
2. Shorter calls: time-outs, async clients.
3. A bigger pool: threads needed = calls a second x seconds a call.
""",
    costs="""\
Threads take memory and compete for the GIL. What is behind the pool - connections, a server - must bear the number.
""",
    allow=allowance(
        "UJ601",
        reason="batch import, order does not matter",
        when="Where waiting is what the pool is for.",
    ),
    advice=(
        "own-pool",
        "shorter-pool-calls",
        "bigger-pool",
    ),
)
