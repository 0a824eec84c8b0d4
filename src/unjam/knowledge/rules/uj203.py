"""UJ203: waiting for a thread or future on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ203",
    cause="future-wait",
    title="Waiting for a thread or future on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it waited for work in another thread or process",
    many="waits for other threads held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
`Future.result()` of `concurrent.futures`, `Thread.join`, `Process.join`, `Executor.shutdown` (also as the end of a `with` block), `threading.Event.wait`
in code that runs on the event loop.
""",
    why="""\
The work was moved away from the loop, and then the loop waits for it all the same. If that work comes from
`run_coroutine_threadsafe` to this very loop, it can never finish (UJ801).
""",
    looks="""\
```python
async def render(page):
    with ThreadPoolExecutor() as pool:
        return pool.submit(draw, page).result()
```

becomes

```python
async def render(page):
    return await asyncio.to_thread(draw, page)
```
""",
    todo="""\
1. `await asyncio.to_thread(...)` or `await loop.run_in_executor(pool, ...)`.
2. A future that exists already: `await asyncio.wrap_future(future)`.
3. Pools live as long as the program; shut them down after the loop has ended, or by `await asyncio.to_thread(pool.shutdown)`.
4. An event set by a thread: `asyncio.Event` and `loop.call_soon_threadsafe(event.set)`.
""",
    costs="""\
Cancelling the awaiting task does not stop the thread: what it does must be harmless when nobody waits any more.
""",
    allow=allowance(
        "UJ203",
        reason="shutdown path, no requests are served",
        when="Where the loop has nothing else to do any more.",
    ),
    advice=(
        "await-future",
        "await-thread",
        "await-event",
    ),
)
