"""UJ401: many short steps in one turn."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ401",
    cause="many-small",
    title="Many short steps in one turn",
    one="many short steps made one turn of the loop {ms} ms long: most came from {culprit} ({leaf})",
    many="turns were made long by many short steps, {ms} ms in all: most came from {culprit} ({leaf})",
    what="""\
Hundreds of callbacks or task steps were ready at the same time, and the loop ran them all before it looked at its sockets again.
None of them is over the threshold.
""",
    why="""\
For whoever waits, thirty steps of 30 ms are as bad as one of 900 ms. No single line is to blame, so tools that look at single callbacks see
nothing.
""",
    looks="""\
```python
await asyncio.gather(*(refresh(item) for item in items))     # 3,000 tasks start in the same turn
```

becomes

```python
limit = asyncio.Semaphore(20)

async def one(item):
    async with limit:
        await refresh(item)

await asyncio.gather(*(one(item) for item in items))
```
""",
    todo="""\
1. Start fewer at once: a semaphore, or a queue with a fixed number of workers.
2. Many timers at the same moment: spread them.
3. Make the step itself cheaper: see which coroutines and callbacks the finding lists.
""",
    costs="""\
The batch takes longer as a whole; the others keep their turn.
""",
    allow=allowance(
        "UJ401",
        reason="start-up fan-out, nobody is served yet",
        when="Where nothing else waits at that moment.",
    ),
    advice=(
        "spread-steps",
        "cheaper-steps",
    ),
)
