"""UJ206: a hand-off to a thread that does not do what it seems to."""

from __future__ import annotations

from unjam.knowledge.records import Rule, allowance

RULE = Rule(
    code="UJ206",
    cause="broken-handoff",
    title="A hand-off to a thread that does not do what it seems to",
    one="{culprit} hands {leaf} to a thread in a way that does not work; the loop was held for {ms} ms",
    many="broken hand-offs held the loop for {ms} ms in all: {leaf} at {culprit}",
    what="""\
The mistakes people make when they fix a blocking call: `to_thread(...)` that nobody awaits, a coroutine function given to a thread,
keyword arguments given to `run_in_executor`, an asyncio object or a SQLite connection of the loop's thread used from the pool.
""",
    why="""\
The code looks fixed and is not: the call never runs, raises at the first use, or corrupts what belongs to the loop's thread.
""",
    looks="""\
```python
asyncio.to_thread(save, item)                            # never runs
await loop.run_in_executor(None, save, item, sync=True)  # TypeError
await asyncio.to_thread(queue.put_nowait, item)          # asyncio objects belong to the loop's thread
```

becomes

```python
await asyncio.to_thread(save, item)
await loop.run_in_executor(None, functools.partial(save, item, sync=True))
queue.put_nowait(item)
```
""",
    todo="""\
1. Await the hand-off, or keep it as a task: `task = asyncio.create_task(asyncio.to_thread(save, item))`.
2. Keyword arguments go through `functools.partial`, or use `asyncio.to_thread`, which takes them.
3. From a thread, reach the loop's objects with `loop.call_soon_threadsafe`; open a SQLite connection in the thread that uses it.
""",
    costs="""\
An awaited hand-off takes a thread of the pool for as long as the call lasts.
""",
    allow=allowance("UJ206", reason="the pool has one thread, which also made the connection", when="Hardly ever."),
    advice=("mend-handoff",),
)
