"""UJ202: waiting on a thread queue on the loop."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ202",
    cause="queue",
    title="Waiting on a thread queue on the loop",
    one="{culprit} held the loop for {ms} ms in {leaf}: it waited for a thread at the other end of a queue",
    many="waits on a thread queue held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
`queue.Queue.get`, `put` (when full) or `join`, `SimpleQueue.get`, or a `multiprocessing` queue in code that runs on the event loop.
""",
    why="""\
The loop stops until another thread puts or takes something. If that thread needs the loop to do so, it never happens (UJ801, UJ804).
""",
    looks="""\
```python
async def results():
    while True:
        handle(inbox.get())          # queue.Queue, filled by a thread
```

becomes

```python
inbox = asyncio.Queue()

def from_thread(item):
    loop.call_soon_threadsafe(inbox.put_nowait, item)

async def results():
    while True:
        handle(await inbox.get())
```
""",
    todo="""\
1. Both ends on the loop: `asyncio.Queue`.
2. A thread at one end: `unjam.bridge.Channel`, `janus`, or `call_soon_threadsafe` as above.
3. Polling: `get_nowait()` and handle `queue.Empty`.
""",
    costs="""\
`call_soon_threadsafe` does not slow down a producer that is faster than the consumer: bound the queue.
""",
    allow=allowance(
        "UJ202",
        reason="the queue is known to hold an item here",
        when="Where an item is certain to be there.",
    ),
    advice=(
        "asyncio-queue",
        "to-thread",
    ),
)
