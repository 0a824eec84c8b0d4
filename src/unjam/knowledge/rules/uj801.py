"""UJ801: a deadlock."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ801",
    cause="deadlock",
    title="A deadlock",
    one="{culprit} waits in {leaf} for something that waits for it: a cycle that cannot end",
    many="threads or tasks wait in a cycle that cannot end: {leaf} at {culprit}",
    what="""\
A cycle of waits: a thread or task waits for a lock, future, queue or thread whose owner waits, directly or through others, for the first one.
""",
    why="""\
It never ends. The process looks idle: no CPU, no error, no log line.
""",
    looks="""\
```python
async def save(item):
    asyncio.run_coroutine_threadsafe(store(item), loop).result()   # on that very loop
```

The loop waits for the future, and the future waits for the loop. It becomes `await store(item)`.
""",
    todo="""\
1. Break the cycle where it is drawn: `unjam hang PID` shows every edge with its line.
2. Never wait on the loop for what the loop must do.
3. Take locks in one order everywhere.
""",
    costs="""\
A time-out on the wait turns the hang into an error; it does not remove the cycle.
""",
    allow=allowance(
        "UJ801",
        reason="test of the detector",
        when="There is no good reason to allow a deadlock, but a test of one.",
    ),
    advice=(
        "await-future",
        "lock-order",
        "bounded-wait",
    ),
)
