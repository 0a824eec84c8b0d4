"""UJ805: a lock whose holder has ended."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ805",
    cause="lock-leaked",
    title="A lock whose holder has ended",
    one="{culprit} waits in {leaf} for a lock whose holder has ended without releasing it",
    many="waits for a lock whose holder has ended: {leaf} at {culprit}",
    what="""\
A lock was taken by `acquire()`, and the thread or task that took it has ended - by an error or a cancellation - before `release()`.
""",
    why="""\
Nobody will ever release it: everybody who wants it waits for ever.
""",
    looks="""\
```python
await lock.acquire()
data = await load()              # cancelled here: never released
lock.release()
```

becomes

```python
async with lock:
    data = await load()
```
""",
    todo="""\
1. Take locks by `with` or `async with` only.
2. Where acquire and release must be apart: `contextlib.ExitStack`, released in `finally`.
""",
    costs="""\
None.
""",
    allow=allowance(
        "UJ805",
        reason="lock is released by another process",
        when="Where somebody outside this process releases it.",
    ),
    advice=(
        "with-lock",
        "bounded-wait",
    ),
)
