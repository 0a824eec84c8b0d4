"""UJ204: a thread lock held across an await."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ204",
    cause="lock-over-await",
    title="A thread lock held across an await",
    one="{culprit} awaits while it holds a threading lock: whoever takes that lock on the loop meanwhile stops the loop for ever",
    many="awaits happen under a threading lock at {culprit}",
    what="""\
An `await` (or `async for`, `async with`, `yield` in an async generator) inside `with threading.Lock()`.
""",
    why="""\
While the coroutine is suspended, the lock stays taken. Another task that wants it blocks the whole loop - and the holder, which needs the
loop to go on, never releases it: a deadlock that shows only under load. An `RLock` lets the other task in, since it is the same
thread: then nothing is protected.
""",
    looks="""\
```python
async def update(item):
    with lock:
        row = await fetch(item)
        cache[item] = row
```

becomes

```python
async def update(item):
    row = await fetch(item)
    with lock:
        cache[item] = row
```
""",
    todo="""\
1. End the `with` before the `await`.
2. If the section must span it: `async with asyncio.Lock()`.
""",
    costs="""\
What was read before the `await` may be stale after it. `asyncio.Lock` keeps other tasks out, not other threads.
""",
    allow=allowance(
        "UJ204",
        reason="no other task takes this lock",
        when="Where nothing else on the loop ever takes that lock.",
    ),
    advice=(
        "release-before-await",
        "asyncio-lock",
    ),
)
