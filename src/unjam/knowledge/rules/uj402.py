"""UJ402: a task that never yields."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ402",
    cause="never-yields",
    title="A task that never yields",
    one="{culprit} held the loop for {ms} ms: it awaits again and again, but only what is done already, so the loop never gets a turn ({leaf})",
    many="times a task went on for {ms} ms in all without yielding: {leaf} at {culprit}",
    what="""\
A coroutine with a loop full of `await`s that never suspend: a queue that is never empty, a stream whose data is there already, a lock that is free, an `async def`
that awaits nothing itself.
""",
    why="""\
`await` is not a pause. It gives the loop a turn only if the awaited thing is not ready. A fast producer therefore starves everything else.
""",
    looks="""\
```python
async def consume(queue):
    while True:
        handle(await queue.get())        # always full: get() never suspends
```

becomes

```python
async def consume(queue):
    for count in itertools.count(1):
        handle(await queue.get())
        if count % 100 == 0:
            await asyncio.sleep(0)
```
""",
    todo="""\
1. `await asyncio.sleep(0)` every so many rounds, or whenever some milliseconds have passed.
2. Bound the queue, so that the producer has to wait.
3. Under anyio: its own streams and `anyio.lowlevel.checkpoint()` yield each time.
""",
    costs="""\
One turn of the loop costs some 10 us; every hundred rounds nobody notices.
""",
    allow=allowance(
        "UJ402",
        reason="batch program with a single task",
        when="Where nothing else runs on that loop.",
    ),
    advice=(
        "yield-sometimes",
        "slice-work",
    ),
)
